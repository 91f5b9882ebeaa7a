import { type Bytes, measure, rechunk } from "./bytes.ts";
import { type Compression, compress, compressionExtension, decompress, restoreCommand } from "./compression.ts";
import type { Item } from "./connectors/connector.ts";
import { type Decryption, DecryptionFault, type Encryption, encryptionExtension } from "./encryption/encryption.ts";
import { EncryptionError, IntegrityError } from "./errors.ts";
import { isFileName } from "./keys.ts";
import type { Artifact } from "./manifest.ts";
import { measureOwned } from "./measure-owned.ts";
import { shellWord } from "./shell-word.ts";
import type { Storage } from "./storage/storage.ts";

export interface StoreArtifactOptions {
  readonly storage: Storage;
  /** The snapshot's folder, ending in `/`. */
  readonly prefix: string;
  /** The unit's folder below it. */
  readonly folder: string;
  readonly compression: Compression;
  readonly encryption: Encryption | undefined;
  /** False for a second attempt, which may replace what the first one stored, but not after its process lost the lease. */
  readonly ifAbsent: boolean;
  readonly signal: AbortSignal;
  /** Hears the total of source bytes so far. */
  readonly onBytes: (sourceBytes: number) => void;
}

/** Where an item will lie, relative to the snapshot's folder. */
export function artifactPath(
  folder: string,
  item: Item,
  { compression, encryption }: Pick<StoreArtifactOptions, "compression" | "encryption">,
): string {
  if (!isFileName(item.name)) throw new Error(`an artifact cannot be called ${JSON.stringify(item.name)}`);
  const encrypted = encryption === undefined ? "" : encryptionExtension(encryption.type);
  return `${folder}/${item.name}${compressionExtension(typeFor(item, compression))}${encrypted}`;
}

/**
 * Source bytes -> measure -> compress -> encrypt -> storage, in one pass and in bounded memory. The stored side is measured by the
 * storage, which compares what it holds with what it was given.
 * @throws IntegrityError when they differ
 */
export async function storeArtifact(item: Item, options: StoreArtifactOptions): Promise<Artifact> {
  const compression = { ...options.compression, type: typeFor(item, options.compression) };
  const { encryption } = options;
  const path = artifactPath(options.folder, item, options);
  const plain = measure(rechunk(abortable(item.open(), options.signal)), options.onBytes);
  const compressed = compress(plain.bytes, compression);
  const body = encryption === undefined ? compressed : encryption.encrypt(compressed);
  const { bytes, sha256 } = await options.storage.put(options.prefix + path, body, {
    ifAbsent: options.ifAbsent,
    sweepable: !options.ifAbsent,
  });
  return {
    path,
    bytes,
    sha256,
    sourceBytes: plain.result().bytes,
    sourceSha256: plain.result().sha256,
    contentType: item.contentType,
    compression: compression.type,
    encryption: encryption === undefined ? null : { type: encryption.type, recipients: [...encryption.recipients] },
    facts: item.facts?.() ?? {},
    restore: commandFor(item, path.slice(path.lastIndexOf("/") + 1), compression.type, encryption),
  };
}

function commandFor(
  item: Item,
  name: string,
  compression: Compression["type"],
  encryption: Encryption | undefined,
): string {
  if (encryption === undefined) return restoreCommand(item.restore, name, compression);
  const opened = name.slice(0, -encryptionExtension(encryption.type).length);
  const decrypt = encryption.restoreCommand(shellWord(name), shellWord(opened));
  return `${decrypt} && ${restoreCommand(item.restore, opened, compression)}`;
}

/**
 * The plain bytes of a stored artifact, compared on the way with the sizes and digests of the manifest.
 * The last bytes are given before the comparison, so what is made from them must wait for the stream's end.
 * @throws IntegrityError `INTEGRITY_MISMATCH` naming the artifact; EncryptionError `SEALED` when `decryption` does not open it
 */
export async function* readArtifact(
  storage: Storage,
  prefix: string,
  artifact: Artifact,
  decryption: Decryption | undefined,
): Bytes {
  if (artifact.encryption !== null && decryption === undefined) {
    throw new EncryptionError("SEALED", `${artifact.path} is encrypted, and ${noKeyOf(artifact.encryption.type)}`);
  }
  const content = await storage.get(prefix + artifact.path);
  const isPlain = artifact.encryption === null && artifact.compression === "none";
  // Connectors may keep what they are given.
  const stored = isPlain ? measure(content) : measureOwned(content, artifact.bytes);
  const opened = artifact.encryption === null ? stored.bytes : (decryption?.decrypt(stored.bytes) ?? stored.bytes);
  const plain = isPlain ? stored : measure(decompress(opened, artifact.compression, artifact.sourceBytes));
  try {
    yield* plain.bytes;
  } catch (error) {
    if (error instanceof EncryptionError) throw new EncryptionError(error.code, `${artifact.path} ${error.message}`);
    if (error instanceof DecryptionFault) throw mismatch(artifact, error.message, error);
    throw isDecodingError(error) ? mismatch(artifact, "does not decompress", error) : error;
  }
  const is = { stored: stored.result(), plain: plain.result() };
  if (is.stored.bytes !== artifact.bytes)
    throw mismatch(artifact, `has ${is.stored.bytes} bytes instead of ${artifact.bytes}`);
  if (is.stored.sha256 !== artifact.sha256) throw mismatch(artifact, "has another SHA-256 than the manifest says");
  if (is.plain.bytes !== artifact.sourceBytes || is.plain.sha256 !== artifact.sourceSha256) {
    throw mismatch(artifact, "decompresses to other bytes than were collected");
  }
}

/** Reads the stored bytes only. @throws IntegrityError as `readArtifact` does; what `signal` was aborted with */
export async function checkArtifact(
  storage: Storage,
  prefix: string,
  artifact: Artifact,
  signal: AbortSignal,
): Promise<void> {
  const stored = measureOwned(await storage.get(prefix + artifact.path), artifact.bytes);
  // A file is read to its end, whatever happens meanwhile: only who reads can stop.
  for await (const _ of stored.bytes) signal.throwIfAborted();
  const { bytes, sha256 } = stored.result();
  if (bytes !== artifact.bytes) throw mismatch(artifact, `has ${bytes} bytes instead of ${artifact.bytes}`);
  if (sha256 !== artifact.sha256) throw mismatch(artifact, "has another SHA-256 than the manifest says");
}

/** What is said of a sealed artifact, for the end of a sentence. */
export const noKeyOf = (type: string): string =>
  `no private key of ${type} is at hand; give --identity-file or --passphrase-file, or name one under encryption`;

const typeFor = (item: Item, compression: Compression) => (item.compress ? compression.type : "none");

/** Between two chunks; the connector is given the same signal for what it waits on. */
async function* abortable(source: Bytes, signal: AbortSignal): Bytes {
  for await (const chunk of source) {
    signal.throwIfAborted();
    yield chunk;
  }
  signal.throwIfAborted();
}

function mismatch(artifact: Artifact, what: string, cause?: unknown): IntegrityError {
  return new IntegrityError("INTEGRITY_MISMATCH", `${artifact.path} ${what}`, { cause });
}

/** zlib's errors carry codes of their own: `Z_DATA_ERROR`, `Z_BUF_ERROR`, `ZSTD_error_checksum_wrong` … */
function isDecodingError(error: unknown): boolean {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  return code.startsWith("Z_") || code.startsWith("ZSTD_") || code === "ERR_TRAILING_JUNK_AFTER_STREAM_END";
}
