import {
  type CompletedPart,
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateMultipartUploadCommand,
  type HeadObjectCommandOutput,
  UploadPartCopyCommand,
} from "@aws-sdk/client-s3";
import { IntegrityError, StorageError } from "../../errors.ts";
import { eachLimited } from "../../pool.ts";
import { notFound } from "../body.ts";
import type { StoredObject } from "../storage.ts";
import { headObject, lengthOf } from "./head.ts";
import { abandonUpload } from "./multipart.ts";
import { objectFields, rightsToPut } from "./object-fields.ts";
import { MAX_PARTS } from "./parts.ts";
import { newPut, publish, putMetadata } from "./publish.ts";
import { at, patiently, type S3Store } from "./store.ts";

const MiB = 1024 * 1024;
/** S3 copies up to 5 GiB in one request, at the pace of one; parts go side by side. */
export const COPY_PART_BYTES = 512 * MiB;
const PARTS_AT_ONCE = 8;

/** Inside the store: no byte passes through here. @throws NotFoundError */
export async function copyObject(
  store: S3Store,
  from: string,
  to: string,
  partBytes: number = COPY_PART_BYTES,
): Promise<StoredObject> {
  const source = await headObject(store, from);
  if (source === undefined) throw notFound(from);
  const bytes = lengthOf(store, from, source);
  // S3 refuses to copy an object onto itself.
  if (from === to) return { key: to, bytes };
  await (bytes > partBytes ? copyParts(store, from, to, source, bytes, partBytes) : copyWhole(store, from, to, source));
  const made = await headObject(store, to);
  if (made?.ContentLength !== bytes) {
    throw new IntegrityError(
      "INTEGRITY_MISMATCH",
      `copying ${from} to ${to}: of ${bytes} bytes ${made?.ContentLength} arrived`,
    );
  }
  return { key: to, bytes };
}

const rights = (store: S3Store): readonly string[] => ["s3:GetObject", ...rightsToPut(store)];

/** The object that was looked at, and no other that took its place. */
const sourceFields = (store: S3Store, from: string, { ETag }: HeadObjectCommandOutput) => ({
  CopySource: `${store.bucket}/${at(store, from).Key.split("/").map(encodeURIComponent).join("/")}`,
  ...(ETag === undefined ? {} : { CopySourceIfMatch: ETag }),
});

async function copyWhole(store: S3Store, from: string, to: string, source: HeadObjectCommandOutput): Promise<void> {
  const doing = { what: `copying ${from} to ${to}`, needs: rights(store) };
  const fields = objectFields(store, to);
  const command = new CopyObjectCommand({
    ...at(store, to),
    ...fields,
    ...sourceFields(store, from, source),
    ...("Tagging" in fields ? { TaggingDirective: "REPLACE" as const } : {}),
  });
  const { CopyObjectResult } = await patiently(store, doing, (options) => store.client.send(command, options));
  if (CopyObjectResult?.ETag === undefined) {
    throw new StorageError("STORAGE_FAILED", `${doing.what}: the answer does not say that it was done`);
  }
}

async function copyParts(
  store: S3Store,
  from: string,
  to: string,
  source: HeadObjectCommandOutput,
  bytes: number,
  partBytes: number,
): Promise<void> {
  const doing = { what: `copying ${from} to ${to}`, needs: rights(store) };
  const put = newPut(to, {}, { supported: false });
  const create = new CreateMultipartUploadCommand({
    ...at(store, to),
    ...objectFields(store, to),
    ...putMetadata(put),
  });
  const { UploadId } = await patiently(store, doing, (options) => store.client.send(create, options));
  if (UploadId === undefined) throw new StorageError("STORAGE_FAILED", `${doing.what}: the answer names no upload`);
  const upload = { ...at(store, to), UploadId };
  try {
    const Parts: CompletedPart[] = [];
    await eachLimited(partRanges(bytes, partBytes), PARTS_AT_ONCE, async ({ number, range }) => {
      const copy = new UploadPartCopyCommand({
        ...upload,
        PartNumber: number,
        ...sourceFields(store, from, source),
        CopySourceRange: range,
      });
      const { CopyPartResult } = await patiently(store, doing, (options) => store.client.send(copy, options));
      if (CopyPartResult?.ETag === undefined) {
        throw new StorageError("STORAGE_FAILED", `${doing.what}: the answer to part ${number} has no ETag`);
      }
      Parts[number - 1] = { PartNumber: number, ETag: CopyPartResult.ETag };
    });
    const complete = new CompleteMultipartUploadCommand({
      ...upload,
      MultipartUpload: { Parts },
      MpuObjectSize: bytes,
    });
    await publish(store, put, doing, async (_, options) => {
      const answer = await store.client.send(complete, options);
      return { etag: answer.ETag, crc32: answer.ChecksumCRC32 };
    });
  } catch (error) {
    await abandonUpload(store, to, UploadId);
    throw error;
  }
}

function* partRanges(bytes: number, least: number): Generator<{ readonly number: number; readonly range: string }> {
  const size = Math.max(least, Math.ceil(bytes / MAX_PARTS));
  for (let start = 0, number = 1; start < bytes; start += size, number += 1) {
    yield { number, range: `bytes=${start}-${Math.min(start + size, bytes) - 1}` };
  }
}
