import { GetObjectCommand } from "@aws-sdk/client-s3";
import { type Bytes, readAll } from "../../bytes.ts";
import { StorageError, TransientError } from "../../errors.ts";
import { retry } from "../../retry.ts";
import { hasChanged, notFound } from "../body.ts";
import type { StoredDocument } from "../storage.ts";
import { headObject, isForbidden, isListed, lengthOf } from "./head.ts";
import { rangesOf, type Seen } from "./ranges.ts";
import { at, once, type S3Store } from "./store.ts";

/** How often an object may be replaced while its first piece is fetched. */
const LOOKS = 10;

/**
 * The bytes of an object, fetched by ranges of which a few are on their way at a time. A connection that drops is taken
 * up again at the byte where it was; every range asks for the object that was there at first, so that one that is
 * replaced meanwhile is an error and never a mixture. Asks for nothing before the first piece.
 * @throws NotFoundError before the first byte. StorageError `STORAGE_CHANGED`
 */
export async function readObject(store: S3Store, key: string): Promise<Bytes> {
  return settled(store, key, await look(store, key));
}

/** The same of exactly that version. @throws StorageError `STORAGE_CHANGED` when there is another by now */
export async function* readVersion(store: S3Store, key: string, etag: string): Bytes {
  const seen = await look(store, key);
  if (seen.etag !== etag) throw hasChanged(key);
  yield* rangesOf(store, key, seen);
}

async function look(store: S3Store, key: string): Promise<Seen> {
  const head = await headObject(store, key);
  if (head === undefined) throw notFound(key);
  return { etag: head.ETag, size: lengthOf(store, key, head) };
}

/** One that is replaced between the look and the first piece is looked at again; later it would be a mixture. */
async function* settled(store: S3Store, key: string, first: Seen): Bytes {
  let begun = false;
  for (let seen = first, attempt = 1; ; attempt += 1) {
    try {
      for await (const piece of rangesOf(store, key, seen)) {
        begun = true;
        yield piece;
      }
      return;
    } catch (error) {
      const changed = error instanceof StorageError && error.code === "STORAGE_CHANGED";
      if (!changed || begun || attempt >= LOOKS) throw error;
    }
    seen = await look(store, key);
  }
}

/** A small object, whole, in one request. @throws NotFoundError; RangeError when it is longer than `maxBytes` */
export async function readDocument(store: S3Store, key: string, maxBytes: number): Promise<StoredDocument> {
  try {
    return await fetchDocument(store, key, maxBytes);
  } catch (error) {
    throw isForbidden(error) && !(await isListed(store, key)) ? notFound(key) : error;
  }
}

function fetchDocument(store: S3Store, key: string, maxBytes: number): Promise<StoredDocument> {
  const doing = { what: `reading ${key}`, needs: ["s3:GetObject", "s3:ListBucket"] };
  return retry(
    () =>
      once(store, doing, async (options) => {
        const { Body, ContentLength, ETag } = await store.client.send(new GetObjectCommand(at(store, key)), options);
        const body: unknown = Body;
        if (!isBytes(body) || ETag === undefined || ContentLength === undefined) {
          throw new StorageError("STORAGE_FAILED", `${doing.what}: the answer has no body, length or ETag`);
        }
        const content = await readAll(body, maxBytes);
        if (content.byteLength === ContentLength) return { content, version: ETag };
        throw new TransientError(
          "STORAGE_FAILED",
          `${doing.what}: ${content.byteLength} of ${ContentLength} bytes came`,
        );
      }),
    store.retry,
  );
}

const isBytes = (body: unknown): body is AsyncIterable<Uint8Array> =>
  typeof body === "object" && body !== null && Symbol.asyncIterator in body;
