import { PutObjectCommand } from "@aws-sdk/client-s3";
import { type Bytes, measure } from "../../bytes.ts";
import { IntegrityError, StorageError } from "../../errors.ts";
import { ofLength } from "../body.ts";
import type { ConfirmedObject, PutOptions } from "../storage.ts";
import { isConfirmed, type Stored } from "./confirm.ts";
import { uploadParts } from "./multipart.ts";
import { objectFields, rightsToPut } from "./object-fields.ts";
import { crcText, type Part, partBytes, partsOf } from "./parts.ts";
import { type Conditions, newPut, type Put, publish, putMetadata } from "./publish.ts";
import { readVersion } from "./read.ts";
import { removeMade } from "./remove.ts";
import { at, type S3Store } from "./store.ts";

export interface PutContext {
  readonly conditions: Conditions;
  readonly sizeOf: (number: number) => number;
}

/**
 * One request for a body that is shorter than the first part, a multipart upload for any other and for what is to be
 * `sweepable`: `prepare` abandons it, which it could not do with a request that is under way. Nothing is visible
 * before the last request, which carries the condition. SHA-256 is taken as the bytes pass, each request carries a
 * CRC-32 of the same bytes, and the store answers with its own: where it does not, what it holds is read back.
 */
export async function putObject(
  store: S3Store,
  key: string,
  body: Bytes,
  options: PutOptions,
  { conditions, sizeOf = partBytes }: Partial<PutContext> & Pick<PutContext, "conditions">,
): Promise<ConfirmedObject> {
  const put = newPut(key, options, conditions);
  const measured = measure(ofLength(key, body, options.expectedBytes));
  const parts = partsOf(measured.bytes, sizeOf)[Symbol.asyncIterator]();
  let stored: Stored;
  try {
    stored =
      options.sweepable === true ? await uploadParts(store, put, parts) : await putPlain(store, put, parts, sizeOf);
  } finally {
    await parts.return?.();
  }
  const { etag } = stored;
  if (etag === undefined) throw new StorageError("STORAGE_FAILED", `storing ${key}: the answer has no ETag`);
  const result = { key, ...measured.result(), version: etag };
  if (!stored.confirmed) await readBack(store, result, options);
  return result;
}

async function putPlain(
  store: S3Store,
  put: Put,
  parts: AsyncIterator<Part>,
  sizeOf: (number: number) => number,
): Promise<Stored> {
  const first = await parts.next();
  if (first.done !== true && first.value.bytes.byteLength === sizeOf(1))
    return uploadParts(store, put, parts, first.value);
  // Ends the body, so that a length other than the announced one shows before anything is sent.
  await parts.next();
  return putWhole(store, put, first.done === true ? undefined : first.value);
}

async function putWhole(store: S3Store, put: Put, part: Part | undefined): Promise<Stored> {
  const sent = part ?? { bytes: new Uint8Array(), crc32: 0 };
  const doing = { what: `storing ${put.key}`, needs: rightsToPut(store) };
  const published = await publish(store, put, "whole", doing, async (condition, options) => {
    const command = new PutObjectCommand({
      ...at(store, put.key),
      ...objectFields(store, put.key),
      ...putMetadata(put),
      ...condition,
      Body: sent.bytes,
      ContentLength: sent.bytes.byteLength,
      ChecksumCRC32: crcText(sent.crc32),
    });
    const answer = await store.client.send(command, options);
    return { etag: answer.ETag, crc32: answer.ChecksumCRC32 };
  });
  return { etag: published.etag, confirmed: isConfirmed(sent, published) };
}

/**
 * @throws IntegrityError when it is not what was sent; the object is then removed, since nothing may rest on it. What `check` throws,
 * and then it stays: another process has the job now
 */
async function readBack(store: S3Store, expected: ConfirmedObject, { check }: PutOptions): Promise<void> {
  const { key, bytes, sha256, version } = expected;
  const held = measure(readVersion(store, key, version));
  for await (const _ of held.bytes);
  const is = held.result();
  if (is.bytes === bytes && is.sha256 === sha256) return;
  await check?.();
  await removeMade(store, key, version);
  const message = `storing ${key}: ${bytes} bytes were sent, and ${is.bytes === bytes ? "other bytes" : is.bytes} were read back`;
  throw new IntegrityError("INTEGRITY_MISMATCH", message);
}
