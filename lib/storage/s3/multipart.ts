import {
  AbortMultipartUploadCommand,
  type CompletedPart,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  type CreateMultipartUploadCommandInput,
  UploadPartCommand,
} from "@aws-sdk/client-s3";
import { StorageError, TransientError } from "../../errors.ts";
import { sleepUnlessAborted } from "../../retry.ts";
import { isAssembled, isConfirmed, type Stored } from "./confirm.ts";
import { answerCode, isUnsupported } from "./errors.ts";
import { objectFields, rightsToPut } from "./object-fields.ts";
import { crcText, MAX_PARTS, type Part } from "./parts.ts";
import { type Condition, checkCondition, type Put, publish, putMetadata } from "./publish.ts";
import { at, patiently, type S3Store } from "./store.ts";

const MiB = 1024 * 1024;
/** In flight while the next part is filled. */
const MAX_LANES = 4;
const IN_FLIGHT_BYTES = 32 * MiB;
/** For clearing away after a failure, also when the run itself was told to stop. */
const ABANDON_MS = 15_000;
const ABANDON_ATTEMPTS = 4;
const ABANDON_TIMES = 4;
const ABANDON_WAIT_MS = 50;
/** That of an object of no bytes. */
const NO_BYTES: Part = { number: 1, bytes: new Uint8Array(), crc32: 0, crc32SoFar: 0, release() {} };

interface SentPart extends CompletedPart {
  readonly PartNumber: number;
  readonly ETag: string;
  readonly crc32: number;
  readonly crc32SoFar: number;
  readonly bytes: number;
  readonly confirmed: boolean;
}

/**
 * Uploads `first`, if it was read already, and all that follow, a few at a time, and makes the object of them at the
 * end. On any failure nothing stays.
 */
export async function uploadParts(store: S3Store, put: Put, rest: AsyncIterator<Part>, first?: Part): Promise<Stored> {
  // Before the bytes are sent, and again, at once with the object's appearance, at the end.
  await checkCondition(store, put);
  const upload = await beginUpload(store, put);
  try {
    const sent = await sendParts(store, put, upload, first ?? (await firstOf(rest)), rest);
    return await completeUpload(store, put, upload, sent);
  } catch (error) {
    await abandonUpload(store, put.key, upload);
    throw answerCode(error) === "NoSuchUpload" ? abandonedByOthers(put, error) : error;
  }
}

const abandonedByOthers = ({ key }: Put, cause: unknown): TransientError =>
  new TransientError("STORAGE_FAILED", `storing ${key}: a process that took over abandoned the upload`, { cause });

/** An upload has one part at least. */
async function firstOf(parts: AsyncIterator<Part>): Promise<Part> {
  const first = await parts.next();
  return first.done === true ? NO_BYTES : first.value;
}

/** The object's checksum is to be that of its bytes, with which a copy of it can be compared, and not one of its parts' checksums. */
export async function beginUpload(store: S3Store, put: Put): Promise<string> {
  const checksum = { ChecksumAlgorithm: "CRC32" } as const;
  try {
    return await createUpload(store, put, { ...checksum, ChecksumType: "FULL_OBJECT" });
  } catch (error) {
    // Cloudflare's R2, for one, has only the other type of this checksum.
    if (!isUnsupported(error)) throw error;
    return createUpload(store, put, checksum);
  }
}

type UploadChecksum = Pick<CreateMultipartUploadCommandInput, "ChecksumAlgorithm" | "ChecksumType">;

async function createUpload(store: S3Store, put: Put, checksum: UploadChecksum): Promise<string> {
  const doing = { what: `beginning to store ${put.key}`, needs: rightsToPut(store) };
  const command = new CreateMultipartUploadCommand({
    ...at(store, put.key),
    ...objectFields(store, put.key),
    ...putMetadata(put),
    ...checksum,
  });
  const { UploadId } = await patiently(store, doing, (options) => store.client.send(command, options));
  if (UploadId === undefined) throw new StorageError("STORAGE_FAILED", `${doing.what}: the answer names no upload`);
  return UploadId;
}

/** The first failure ends the requests under way, and is thrown when they have ended: none can arrive after the upload was abandoned. */
async function sendParts(
  store: S3Store,
  put: Put,
  upload: string,
  first: Part,
  rest: AsyncIterator<Part>,
): Promise<readonly SentPart[]> {
  const stop = new AbortController();
  const signal = AbortSignal.any([store.signal, stop.signal]);
  const sent: SentPart[] = [];
  const running = new Set<Promise<void>>();
  let failure: { readonly error: unknown } | undefined;
  const fail = (error: unknown) => {
    failure ??= { error };
    stop.abort(error);
  };
  const begin = (part: Part) => {
    const one: Promise<void> = sendPart(store, put, upload, part, signal)
      .then((done) => {
        sent[part.number - 1] = done;
      }, fail)
      .finally(() => {
        running.delete(one);
        part.release();
      });
    running.add(one);
  };
  try {
    for (let part = first; ; ) {
      begin(part);
      while (running.size > lanesFor(part.bytes.byteLength)) await Promise.race(running);
      if (failure !== undefined) break;
      const next = await rest.next();
      if (next.done === true || failure !== undefined) break;
      part = next.value;
    }
  } catch (error) {
    fail(error);
  }
  await Promise.all(running);
  if (failure !== undefined) throw failure.error;
  return sent;
}

const lanesFor = (bytes: number): number => Math.max(1, Math.min(MAX_LANES, Math.floor(IN_FLIGHT_BYTES / bytes)));

export async function sendPart(
  store: S3Store,
  put: Put,
  upload: string,
  part: Part,
  signal: AbortSignal,
): Promise<SentPart> {
  const { number, bytes } = part;
  const doing = { what: `storing ${put.key}, part ${number}`, needs: rightsToPut(store) };
  if (number > MAX_PARTS) {
    throw new StorageError("STORAGE_FAILED", `${doing.what}: an object has at most ${MAX_PARTS} parts`);
  }
  const ChecksumCRC32 = crcText(part.crc32);
  const command = new UploadPartCommand({
    ...at(store, put.key),
    UploadId: upload,
    PartNumber: number,
    Body: bytes,
    ContentLength: bytes.byteLength,
    ChecksumCRC32,
  });
  const { ETag, ChecksumCRC32: held } = await patiently(
    store,
    doing,
    (options) => store.client.send(command, options),
    signal,
  );
  if (ETag === undefined) throw new StorageError("STORAGE_FAILED", `${doing.what}: the answer has no ETag`);
  return {
    PartNumber: number,
    ETag,
    ChecksumCRC32,
    crc32: part.crc32,
    crc32SoFar: part.crc32SoFar,
    bytes: bytes.byteLength,
    confirmed: isConfirmed(part, { etag: ETag, crc32: held }),
  };
}

async function completeUpload(store: S3Store, put: Put, upload: string, sent: readonly SentPart[]): Promise<Stored> {
  const doing = { what: `storing ${put.key}`, needs: rightsToPut(store) };
  const published = await publish(store, put, "parts", doing, async (condition, options) => {
    const answer = await store.client.send(completion(store, put, upload, sent, condition), options);
    return { etag: answer.ETag, crc32: answer.ChecksumCRC32 };
  });
  const confirmed = sent.every((part) => part.confirmed) && isAssembled(sent, published);
  return { etag: published.etag, confirmed };
}

/** The request that makes the object of the parts. */
export function completion(
  store: S3Store,
  { key }: Put,
  upload: string,
  sent: readonly SentPart[],
  condition: Condition,
): CompleteMultipartUploadCommand {
  return new CompleteMultipartUploadCommand({
    ...at(store, key),
    UploadId: upload,
    MultipartUpload: {
      Parts: sent.map(({ PartNumber, ETag, ChecksumCRC32 }) => ({ PartNumber, ETag, ChecksumCRC32 })),
    },
    MpuObjectSize: sent.reduce((total, { bytes }) => total + bytes, 0),
    ...condition,
  });
}

/**
 * Abandons it until the store knows it no more: a request that was cut may still be at work there, and what it stores after the
 * upload was abandoned stays (https://docs.aws.amazon.com/AmazonS3/latest/API/API_AbortMultipartUpload.html).
 * Never throws: why the upload failed counts. What cannot be cleared away now is by a later `prepare`: then it is false.
 */
export async function abandonUpload(store: S3Store, key: string, upload: string): Promise<boolean> {
  const doing = { what: `abandoning the upload of ${key}`, needs: ["s3:AbortMultipartUpload"] };
  const command = new AbortMultipartUploadCommand({ ...at(store, key), UploadId: upload });
  const signal = AbortSignal.timeout(ABANDON_MS);
  const hurried = { ...store, retry: { ...store.retry, attempts: Math.min(store.retry.attempts, ABANDON_ATTEMPTS) } };
  try {
    for (let time = 1; time <= ABANDON_TIMES; time += 1) {
      await patiently(hurried, doing, (options) => store.client.send(command, options), signal);
      await sleepUnlessAborted(ABANDON_WAIT_MS * time, signal);
    }
    return true;
  } catch (error) {
    if (answerCode(error) === "NoSuchUpload") return true;
    const reason = error instanceof Error ? error.message : String(error);
    store.log.warn("an upload that failed is left; the next run clears it away", { storage: store.name, key, reason });
    return false;
  }
}

/** What an upload that `abandonUpload` could not end means, where it must not stay. */
export const stillThere = ({ name, bucket }: S3Store, key: string): StorageError =>
  new StorageError(
    "STORAGE_FORBIDDEN",
    `storage ${name}, bucket ${bucket}: an unfinished upload of ${key} cannot be abandoned, and another process could still end it: it takes s3:AbortMultipartUpload`,
  );
