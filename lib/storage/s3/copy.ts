import {
  type CompletedPart,
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  type CopyObjectCommandInput,
  CreateMultipartUploadCommand,
  type HeadObjectCommandOutput,
  UploadPartCopyCommand,
} from "@aws-sdk/client-s3";
import { IntegrityError, StorageError } from "../../errors.ts";
import { eachLimited } from "../../pool.ts";
import { alreadyExists, hasChanged, notFound } from "../body.ts";
import type { CopiedObject, CopyOptions } from "../storage.ts";
import { compareCopy } from "./confirm.ts";
import { isNotImplemented, isUnsupported } from "./errors.ts";
import { headObject, lengthOf } from "./head.ts";
import { abandonUpload } from "./multipart.ts";
import { objectFields, rightsToPut } from "./object-fields.ts";
import { MAX_PARTS } from "./parts.ts";
import { type Conditions, checkCondition, newPut, publish, putMetadata } from "./publish.ts";
import { removeMade } from "./remove.ts";
import { at, patiently, type S3Store } from "./store.ts";

const MiB = 1024 * 1024;
/** S3 copies up to 5 GiB in one request, at the pace of one; parts go side by side. */
export const COPY_PART_BYTES = 512 * MiB;
const PARTS_AT_ONCE = 8;

export interface CopyContext extends CopyOptions {
  readonly conditions: Conditions;
  readonly partBytes: number;
}

/**
 * Inside the store: no byte passes through here. One request makes a small object where there is none. One that replaces
 * is copied in parts, as a large one is: `prepare` abandons such an upload, which it could not do with a request that is under way.
 * @throws NotFoundError; StorageError `STORAGE_EXISTS`
 */
export async function copyObject(
  store: S3Store,
  from: string,
  to: string,
  context: CopyContext,
): Promise<CopiedObject> {
  const source = await headObject(store, from, WITH_CHECKSUM);
  if (source === undefined) throw notFound(from);
  const bytes = lengthOf(store, from, source);
  // S3 refuses to copy an object onto itself.
  if (from === to) return { key: to, bytes };
  const copy: Copy = { from, to, source, bytes };
  const isInParts = bytes > context.partBytes || (context.ifAbsent !== true && bytes > 0);
  const etag = await (isInParts ? copyParts : copyWhole)(store, copy, context);
  return confirmCopy(store, copy, etag, context);
}

/**
 * @throws IntegrityError when it is not what was copied; the object is then removed, since nothing may rest on it. StorageError
 * `STORAGE_CHANGED` when it is not the one that was made here: another process, which has the job now, has stored its own, and that stays
 */
async function confirmCopy(
  store: S3Store,
  { from, to, source, bytes }: Copy,
  etag: string | undefined,
  { beforeLast }: CopyContext,
): Promise<CopiedObject> {
  const made = await headObject(store, to, WITH_CHECKSUM);
  const compared = made?.ContentLength === bytes ? compareCopy(source, made) : "other";
  if (compared !== "other") return { key: to, bytes, ...(compared === "unknown" ? { unconfirmed: true } : {}) };
  if (made !== undefined && made.ETag !== etag) throw hasChanged(to);
  if (made?.ETag !== undefined) {
    await beforeLast?.();
    await removeMade(store, to, made.ETag);
  }
  const is = made?.ContentLength === bytes ? "other bytes" : `${made?.ContentLength ?? "none"}`;
  throw new IntegrityError("INTEGRITY_MISMATCH", `copying ${from} to ${to}: of ${bytes} bytes ${is} arrived`);
}

const WITH_CHECKSUM = { ChecksumMode: "ENABLED" } as const;

/** The source's own, so that they can be compared: of a copy in one request it is always of all bytes. */
const checksumFields = ({ ChecksumCRC32, ChecksumCRC64NVME }: HeadObjectCommandOutput) => {
  if (ChecksumCRC32 !== undefined) return { ChecksumAlgorithm: "CRC32" } as const;
  return ChecksumCRC64NVME === undefined ? {} : ({ ChecksumAlgorithm: "CRC64NVME" } as const);
};

interface Copy {
  readonly from: string;
  readonly to: string;
  readonly source: HeadObjectCommandOutput;
  readonly bytes: number;
}

const rights = (store: S3Store): readonly string[] => ["s3:GetObject", ...rightsToPut(store)];

/** The object that was looked at, and no other that took its place. */
const sourceFields = (store: S3Store, from: string, { ETag }: HeadObjectCommandOutput) => ({
  CopySource: copySource(store.bucket, at(store, from).Key),
  ...(ETag === undefined ? {} : { CopySourceIfMatch: ETag }),
});

/**
 * Of an access point, whose bucket is an ARN, the ARN of the object. In either form encoded but for its slashes.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html
 */
export function copySource(bucket: string, key: string): string {
  const whole = bucket.startsWith("arn:") ? `${bucket}/object/${key}` : `${bucket}/${key}`;
  return whole.split("/").map(encodeURIComponent).join("/");
}

/** Answers the copy's ETag, by which it is known again. */
async function copyWhole(store: S3Store, { from, to, source }: Copy, context: CopyContext): Promise<string> {
  const { conditions, ifAbsent = false, beforeLast } = context;
  // In any case: servers that heed conditions when they store are known not to when they copy.
  await checkCondition(store, newPut(to, { ifAbsent }, conditions));
  const doing = { what: `copying ${from} to ${to}`, needs: rights(store) };
  const fields = objectFields(store, to);
  const copied = async (asked: Pick<CopyObjectCommandInput, "IfNoneMatch" | "ChecksumAlgorithm">) => {
    const command = new CopyObjectCommand({
      ...at(store, to),
      ...fields,
      ...sourceFields(store, from, source),
      ...("Tagging" in fields ? { TaggingDirective: "REPLACE" as const } : {}),
      ...asked,
    });
    const { CopyObjectResult } = await patiently(store, doing, (options) => store.client.send(command, options));
    if (CopyObjectResult?.ETag !== undefined) return CopyObjectResult.ETag;
    throw new StorageError("STORAGE_FAILED", `${doing.what}: the answer does not say that it was done`);
  };
  const condition = ifAbsent && conditions.whole.supported !== false ? { IfNoneMatch: "*" } : {};
  await beforeLast?.();
  try {
    try {
      return await copied({ ...condition, ...checksumFields(source) });
    } catch (error) {
      if (!isUnsupported(error)) throw error;
      return await copied(condition);
    }
  } catch (error) {
    if (ifAbsent && isNotImplemented(error)) return copied({});
    // Or it is the source that is not what it was.
    if (ifAbsent && isRefused(error) && (await headObject(store, to)) !== undefined) throw alreadyExists(to, error);
    throw error;
  }
}

const isRefused = (error: unknown): boolean => error instanceof StorageError && error.code === "STORAGE_CHANGED";

async function copyParts(
  store: S3Store,
  { from, to, source, bytes }: Copy,
  { conditions, partBytes, ifAbsent = false, beforeLast }: CopyContext,
): Promise<string | undefined> {
  const doing = { what: `copying ${from} to ${to}`, needs: rights(store) };
  const put = newPut(to, { ifAbsent }, conditions);
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
    const complete = (condition: { IfNoneMatch?: string }) =>
      new CompleteMultipartUploadCommand({
        ...upload,
        MultipartUpload: { Parts },
        MpuObjectSize: bytes,
        ...condition,
      });
    await beforeLast?.();
    let etag: string | undefined;
    await publish(store, put, "parts", doing, async (condition, options) => {
      const answer = await store.client.send(complete(condition), options);
      etag = answer.ETag;
      return { etag, crc32: answer.ChecksumCRC32 };
    });
    return etag;
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
