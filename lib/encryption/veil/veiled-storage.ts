import { type Bytes, bytesOf, checkedAtEnd, readAll } from "../../bytes.ts";
import { IntegrityError, NotFoundError } from "../../errors.ts";
import { manifestSchema, parseDocument } from "../../manifest.ts";
import { byUtf16, checkFolderPrefix, checkPrefix } from "../../storage/key.ts";
import type { PutOptions, Storage, StoredObject } from "../../storage/storage.ts";
import { DecryptionFault, type Encryption, encryptionExtension } from "../encryption.ts";
import { openDocument, sealDocument, sealedBytes } from "./documents.ts";
import { isSealedDocument, placeOf, veiledKeys } from "./keys.ts";
import { plainSums, veiledSums } from "./sums.ts";

export interface VeilOptions {
  /** The secret that names and documents are encrypted with. */
  readonly key: Uint8Array;
  /** False only reads what is veiled, and writes in the clear. */
  readonly isWriting: boolean;
  /** What the copies for the private key's owner are encrypted with; asked for once a snapshot. */
  readonly encryption: () => Promise<Encryption>;
}

const MAX_DOCUMENT_BYTES = 512 * 1024 * 1024;

/**
 * The same storage, in which what names units lies encrypted: artifacts under names that only the key tells, plans, records,
 * manifests, verifications and what was told as sealed documents. Steps see names and documents as ever. What was stored in the clear is
 * read as well. With each manifest lie two files for who has the private key and no core-backup: the manifest, and the list
 * of names.
 */
export function veiledStorage(inner: Storage, { key, isWriting, encryption }: VeilOptions): Storage {
  const keys = veiledKeys(key);

  /** Veiled or, where that is not there, in the clear. */
  async function eitherKey<T>(real: string, work: (stored: string) => Promise<T>): Promise<T> {
    const [first = real, ...others] = keys.storedKeys(real);
    try {
      return await work(first);
    } catch (error) {
      const [other] = others;
      if (other === undefined || !(error instanceof NotFoundError)) throw renamed(error, first, real);
      return work(other);
    }
  }

  async function opened(real: string, stored: Bytes): Promise<Bytes> {
    const path = placeOf(real)?.path;
    if (path?.endsWith(".jsonl") === true) return named(real, openDocument(key, real, stored));
    if (isSealedDocument(real)) return openedOrNot(key, real, await readAll(stored, MAX_DOCUMENT_BYTES));
    if (path !== "SHA256SUMS") return stored;
    const text = Buffer.from(await readAll(stored, MAX_DOCUMENT_BYTES)).toString("utf8");
    return bytesOf(plainSums(text, (name) => keys.realPath(real, name)));
  }

  async function put(real: string, body: Bytes, options: PutOptions = {}) {
    const place = placeOf(real);
    if (!isWriting || (place === undefined && !isSealedDocument(real))) return inner.put(real, body, options);
    const { expectedBytes, ...condition } = options;
    const { check } = condition;
    if (place?.path === "SHA256SUMS") {
      const text = Buffer.from(await readAll(body, MAX_DOCUMENT_BYTES)).toString("utf8");
      const sums = bytesOf(veiledSums(text, (path) => keys.veiledPath(real, path)));
      return inner.put(real, checkedAtEnd(sums, check), condition);
    }
    if (!isSealedDocument(real)) {
      const stored = keys.storedKey(real);
      const putting = inner.put(stored, body, options);
      return { ...(await putting.catch((error: unknown) => Promise.reject(renamed(error, stored, real)))), key: real };
    }
    let content = body;
    if (place?.path === "manifest.json") {
      const bytes = await readAll(body, MAX_DOCUMENT_BYTES);
      await putForOwner(place.folder, real, bytes, condition);
      content = checkedAtEnd(bytesOf(bytes), check);
    }
    const size = expectedBytes === undefined ? {} : { expectedBytes: sealedBytes(expectedBytes) };
    return inner.put(real, sealDocument(key, real, content), { ...condition, ...size });
  }

  /** Replaced at each attempt, so only by who may write to its very end. */
  async function putForOwner(
    folder: string,
    real: string,
    manifest: Uint8Array,
    { check, sweepable = false }: PutOptions,
  ): Promise<void> {
    const { units } = parseDocument(manifestSchema, real, manifest);
    const names = units.flatMap(({ artifacts }) =>
      artifacts.map(({ path }) => `${keys.veiledPath(real, path)}\t${path}\n`),
    );
    const { encrypt, type } = await encryption();
    const extension = encryptionExtension(type);
    const putOne = (name: string, plain: Bytes) =>
      inner.put(`${folder}${name}${extension}`, checkedAtEnd(encrypt(plain), check), { sweepable });
    await putOne("names.tsv", bytesOf(names.join("")));
    await putOne("manifest.json", bytesOf(manifest));
  }

  async function* list(prefix: string): AsyncIterable<StoredObject> {
    checkPrefix(prefix);
    let group: StoredObject[] = [];
    let folder: string | undefined;
    for await (const object of inner.list(keys.storedPrefix(prefix))) {
      const next = placeOf(object.key)?.folder;
      if (next === undefined || next !== folder) yield* inOrder(group, prefix);
      if (next === undefined || next !== folder) group = [];
      folder = next;
      group.push({ ...object, key: keys.realKey(object.key) });
    }
    yield* inOrder(group, prefix);
  }

  return {
    prepare: (owned) => inner.prepare(owned),
    put,
    get: async (real) => opened(real, await eitherKey(real, (stored) => inner.get(stored))),
    async read(real, maxBytes) {
      const { content, version } = await eitherKey(real, (stored) =>
        inner.read(stored, sealedBytes(maxBytes) + maxBytes),
      );
      return { content: await readAll(await opened(real, bytesOf(content)), maxBytes), version };
    },
    async head(real) {
      for (const stored of keys.storedKeys(real)) {
        const object = await inner.head(stored);
        if (object !== undefined) return { ...object, key: real };
      }
      return undefined;
    },
    list,
    async *folders(prefix, options) {
      checkFolderPrefix(prefix);
      if (placeOf(prefix) === undefined) {
        yield* inner.folders(prefix, options);
        return;
      }
      const names = new Set<string>();
      for await (const { key: real } of list(prefix)) {
        const [name = "", ...more] = real.slice(prefix.length).split("/");
        if (more.length > 0) names.add(name);
      }
      yield* [...names].sort(byUtf16);
    },
    async copy(from, to, options) {
      const target = isWriting ? keys.storedKey(to) : to;
      const copied = await eitherKey(from, (stored) => inner.copy(stored, target, options));
      return { ...copied, key: to };
    },
    remove: (reals) => inner.remove(reals.flatMap((real) => keys.storedKeys(real))),
  };
}

/** Operators know the real name. What steps store of an error is sealed. */
function renamed(error: unknown, stored: string, real: string): unknown {
  if (error instanceof Error) error.message = error.message.replaceAll(stored, real);
  return error;
}

function* inOrder(group: readonly StoredObject[], prefix: string): Generator<StoredObject> {
  const chosen = group.filter(({ key }) => key.startsWith(prefix));
  yield* chosen.sort((a, b) => byUtf16(a.key, b.key));
}

/** What does not open comes out sealed: a snapshot whose manifest is damaged must not keep the others from being listed. */
async function openedOrNot(key: Uint8Array, real: string, stored: Uint8Array): Promise<Bytes> {
  try {
    return bytesOf(await readAll(openDocument(key, real, bytesOf(stored)), MAX_DOCUMENT_BYTES));
  } catch (error) {
    if (error instanceof DecryptionFault) return bytesOf(stored);
    throw error;
  }
}

/** Plans are read as a stream. */
async function* named(real: string, content: Bytes): Bytes {
  try {
    yield* content;
  } catch (error) {
    if (!(error instanceof DecryptionFault)) throw error;
    const message = `${real} does not open with the names_key at hand: it is damaged, or was sealed with another one`;
    throw new IntegrityError("INTEGRITY_MANIFEST", message, { cause: error });
  }
}
