import { createHash } from "node:crypto";
import { readAll } from "./bytes.ts";
import { CodedError, type ErrorCode, type ErrorRecord, NotFoundError } from "./errors.ts";
import { manifestKey, runKey, sumsKey, verifiedKey } from "./keys.ts";
import {
  isSealedContent,
  type Manifest,
  manifestSchema,
  parseDocument,
  type Verification,
  verificationSchema,
} from "./manifest.ts";
import type { Storage } from "./storage/storage.ts";
import { parseSums } from "./sums.ts";

/** What lies in the storage under one snapshot id. It exists because its manifest.json does, readable or not. */
export interface SnapshotEntry {
  readonly job: string;
  readonly snapshot: string;
  /** Absent for one that cannot be read or belongs to another place; then there is a `fault`. */
  readonly manifest?: Manifest;
  /** Of the bytes of manifest.json, whatever they say. */
  readonly manifestSha256: string;
  /** What verified.json says, of this manifest or of one that lay here before. */
  readonly verification?: Verification;
  /** True only without a fault, and when verified.json is of exactly this manifest and says ok. */
  readonly verified: boolean;
  /** What is wrong with the manifest. Such an entry is never good, and never left out. */
  readonly fault?: ErrorRecord;
  /**
   * Why it may be a good one all the same, to who has another key or another version: its documents are not damaged, as far as can be
   * told. No good one as long as that is so, but nothing that may be removed or replaced either.
   */
  readonly mayBeGood?: string;
  /** Why what lies there as verified.json of a manifest without fault says nothing here, where it may be whole. */
  readonly unread?: ErrorRecord;
  /** Why the storage lets nobody remove its manifest just now. */
  readonly lock?: string;
}

/** Documents are parsed as one string, and V8 holds none of more than about 512 MiB: no run can have written a longer one. */
const MAX_DOCUMENT_BYTES = 512 * 1024 * 1024;
const SMALL_BYTES = 16 * 1024 * 1024;
/** What a document is that says nothing here, and is not damaged. */
const UNREAD: ReadonlySet<ErrorCode> = new Set(["SEALED", "VERSION_UNKNOWN"]);

export const isUnread = ({ fault }: SnapshotEntry): boolean => fault !== undefined && UNREAD.has(fault.code);

/** The manifest's status; of one that says nothing here, why. `damaged`: it cannot be read, or not be believed. */
export function entryStatus({ manifest, fault }: SnapshotEntry): Manifest["status"] | "damaged" | "sealed" | "unknown" {
  if (fault?.code === "SEALED") return "sealed";
  if (fault?.code === "VERSION_UNKNOWN") return "unknown";
  return fault === undefined && manifest !== undefined ? manifest.status : "damaged";
}

/** Undefined where there is no manifest. @throws StorageError | TransientError */
export async function readEntry(storage: Storage, job: string, snapshot: string): Promise<SnapshotEntry | undefined> {
  const key = manifestKey(job, snapshot);
  // At once: from a storage that is far away a list of snapshots takes as long as their questions do that wait for each other.
  const [found, bytes, sums, verification] = await Promise.all([
    storage.head(key),
    readDocument(storage, key),
    readDocument(storage, sumsKey(job, snapshot)),
    readVerification(storage, job, snapshot),
  ]);
  if (found === undefined || bytes === "absent") return undefined;
  if (bytes === "too long") return tooLong(job, snapshot);
  const manifestSha256 = createHash("sha256").update(bytes).digest("hex");
  const { manifest, wrong, mayBeGood } = await judged(storage, { job, snapshot, bytes, manifestSha256, sums });
  const isRead = verification !== undefined && !(verification instanceof CodedError);
  // Sealed, a document is longer than what it says. The key that opens the manifest made its verified.json too: that is damaged.
  const isOpened = found.bytes > bytes.byteLength;
  const isUnknown = verification instanceof CodedError && !(verification.code === "SEALED" && isOpened);
  const unread = wrong === undefined && isUnknown ? faultOf(verification.message, verification.code) : undefined;
  const whyNot = mayBeGood ?? unread?.message;
  return {
    job,
    snapshot,
    manifestSha256,
    ...(manifest === undefined ? {} : { manifest }),
    ...(isRead ? { verification } : {}),
    ...(wrong === undefined ? {} : { fault: wrong }),
    ...(whyNot === undefined ? {} : { mayBeGood: whyNot }),
    ...(unread === undefined ? {} : { unread }),
    ...(found.lock === undefined ? {} : { lock: found.lock }),
    verified: wrong === undefined && isRead && verification.manifestSha256 === manifestSha256 && verification.ok,
  };
}

/** A storage that fails is thrown: of what could not be read, nothing is known. */
async function readDocument(storage: Storage, key: string): Promise<Uint8Array | "absent" | "too long"> {
  try {
    return (await readSmall(storage, key)) ?? (await readAll(await storage.get(key), MAX_DOCUMENT_BYTES));
  } catch (error) {
    if (error instanceof NotFoundError) return "absent";
    if (error instanceof RangeError) return "too long";
    throw error;
  }
}

/** In one request, where `get` takes two that wait for each other. Undefined for one that `get` goes on with after a broken connection. */
async function readSmall(storage: Storage, key: string): Promise<Uint8Array | undefined> {
  try {
    return (await storage.read(key, SMALL_BYTES)).content;
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function tooLong(job: string, snapshot: string): SnapshotEntry {
  const fault = faultOf(
    `manifest.json of ${snapshot} is longer than the ${MAX_DOCUMENT_BYTES} bytes that one can have`,
  );
  return { job, snapshot, manifestSha256: "", verified: false, fault };
}

interface Judged {
  readonly manifest?: Manifest;
  readonly wrong?: ErrorRecord;
  readonly mayBeGood?: string;
}

interface Documents {
  readonly job: string;
  readonly snapshot: string;
  readonly bytes: Uint8Array;
  readonly manifestSha256: string;
  readonly sums: Uint8Array | "absent" | "too long";
}

async function judged(storage: Storage, documents: Documents): Promise<Judged> {
  const { job, snapshot, bytes } = documents;
  const { manifest, fault } = parseManifest(job, snapshot, bytes);
  if (fault?.code === "SEALED") return judgedSealed(storage, job, snapshot, fault);
  // It is stored right before the manifest, and may have been asked for before that: then it is there now.
  const ofSums =
    sumsFault(documents) && sumsFault({ ...documents, sums: await readDocument(storage, sumsKey(job, snapshot)) });
  if (fault === undefined) return { ...(manifest && { manifest }), ...(ofSums && { wrong: ofSums }) };
  const { code, message } = fault;
  if (code === "VERSION_UNKNOWN") return { wrong: fault, mayBeGood: message };
  // What is as it was written is not damaged: it was moved here, or a later version writes more than this one knows.
  return { wrong: fault, ...(ofSums === undefined ? { mayBeGood: `${message}; it is as it was written` } : {}) };
}

/** Where the key at hand opens what the same run wrote first, it is the manifest that is damaged: no wrong key is told of then. */
async function judgedSealed(storage: Storage, job: string, snapshot: string, sealed: ErrorRecord): Promise<Judged> {
  const owners = "beside it lies a copy, manifest.json.age or .gpg, that the private key alone opens";
  const run = await readDocument(storage, runKey(job, snapshot));
  if (typeof run === "string" || isSealedContent(run))
    return {
      wrong: { ...sealed, message: `${sealed.message}; ${owners}` },
      mayBeGood: "its manifest is sealed, and does not open here",
    };
  const message = `manifest.json of ${snapshot} is sealed and damaged, as run.json beside it opens; ${owners}`;
  // To its owner: what it names may be whole.
  return { wrong: faultOf(message), mayBeGood: `its sealed manifest is damaged, and ${owners}` };
}

function parseManifest(job: string, snapshot: string, bytes: Uint8Array): { manifest?: Manifest; fault?: ErrorRecord } {
  try {
    const manifest = parseDocument(manifestSchema, manifestKey(job, snapshot), bytes);
    if (manifest.job === job && manifest.snapshot === snapshot) return { manifest };
    return {
      fault: faultOf(
        `manifest.json of ${snapshot} says that it is of job ${manifest.job}, snapshot ${manifest.snapshot}`,
      ),
    };
  } catch (error) {
    if (error instanceof CodedError) return { fault: faultOf(error.message, error.code) };
    throw error;
  }
}

/** The manifest stays with the entry: `finish`, called twice, puts the list of digests right again. */
function sumsFault({ snapshot, manifestSha256, sums }: Documents): ErrorRecord | undefined {
  if (typeof sums === "string")
    return faultOf(`SHA256SUMS of ${snapshot}, with which manifest.json is compared, is ${sums}`);
  const digest = parseSums(Buffer.from(sums).toString("utf8")).get("manifest.json");
  if (digest === manifestSha256) return undefined;
  return faultOf(
    `manifest.json of ${snapshot} ${digest === undefined ? "has no line" : "differs from its line"} in SHA256SUMS`,
  );
}

/**
 * One that is damaged, or of another place, counts as none: the snapshot is then unverified. An error says why one that may be whole
 * says nothing here.
 */
export async function readVerification(
  storage: Storage,
  job: string,
  snapshot: string,
): Promise<Verification | CodedError | undefined> {
  const key = verifiedKey(job, snapshot);
  const bytes = await readDocument(storage, key);
  if (typeof bytes === "string") return undefined;
  try {
    const verification = parseDocument(verificationSchema, key, bytes);
    return verification.job === job && verification.snapshot === snapshot ? verification : undefined;
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    return UNREAD.has(error.code) ? error : undefined;
  }
}

const faultOf = (message: string, code: ErrorCode = "INTEGRITY_MANIFEST"): ErrorRecord => ({
  code,
  message,
  retryable: false,
});
