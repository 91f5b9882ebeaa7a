import { randomUUID } from "node:crypto";
import { crc32 } from "node:zlib";
import { PutObjectCommand } from "@aws-sdk/client-s3";
import { NotFoundError, StorageError } from "../../errors.ts";
import { RESERVED_PREFIX } from "../key.ts";
import { answerCode, type Doing, isNotImplemented } from "./errors.ts";
import { trySeeingLocks } from "./lock-rights.ts";
import { abandonUpload, beginUpload, completion, sendPart, stillThere } from "./multipart.ts";
import { objectFields, rightsToPut } from "./object-fields.ts";
import { crcText, type Part } from "./parts.ts";
import { type Condition, type Conditions, newPut, type Put, putMetadata, warnOfConditions } from "./publish.ts";
import { removeObjects } from "./remove.ts";
import { at, patiently, type S3Store } from "./store.ts";

/**
 * A key that no object has, always the same: a run without the right to remove leaves one object of no bytes and not one each time.
 * All jobs and machines have it, so each may find that another one has just removed it.
 */
export const probeKey = (owned = ""): string => `${owned}${RESERVED_PREFIX}probe`;

const TIMES = 3;
const BYTE = new Uint8Array(1);
/** There may be stores that take no part without a byte. */
const ONE_BYTE: Part = { number: 1, bytes: BYTE, crc32: crc32(BYTE), crc32SoFar: crc32(BYTE), release() {} };
/** None of them holds for an object that is there. That of no object: the MD5 of what is not stored here. */
const UNMET: readonly Condition[] = [{ IfNoneMatch: "*" }, { IfMatch: `"${"0".repeat(32)}"` }];

/**
 * Stores an empty object and tries to replace it under conditions that do not hold: in one request, and below `owned` also
 * at the end of an upload. Anywhere else such an upload, left by a killed process, could not be told from one under way.
 * After a failure the object stays, and the upload does not: the next that succeeds removes it.
 */
export async function tryStoring(store: S3Store, conditions: Conditions, owned: string | undefined): Promise<void> {
  // Not locked, which would keep it for as long as a backup.
  const unlocked = { ...store, objects: { ...store.objects, lock: undefined } };
  const probe = newPut(probeKey(owned), {}, conditions);
  const known = { whole: conditions.whole.supported, parts: conditions.parts.supported };
  let isHeeded = await heedsWhole(unlocked, probe);
  if (owned !== undefined) conditions.parts.supported = await heedsAtEnd(unlocked, probe);
  else if (store.objects.lock !== undefined) await trySeeingLocks(store, probe.key);
  const isGone = await removeProbe(store, probe);
  if (!isHeeded && isGone) isHeeded = await heedsAlone(unlocked, conditions, owned);
  conditions.whole.supported = isHeeded;
  const lacking = (["whole", "parts"] as const).filter((way) => conditions[way].supported === false);
  if (lacking.every((way) => known[way] === false)) return;
  warnOfConditions(store, lacking);
}

const doing = (store: S3Store, what: string): Doing => ({ what, needs: rightsToPut(store) });

async function heedsWhole(store: S3Store, probe: Put): Promise<boolean> {
  await putProbe(store, probe);
  const trying = doing(store, "trying to store under a condition");
  return refusesAll(store, probe, (condition) => putProbe(store, probe, trying, condition));
}

/** By an object that nobody else removes: where the store then takes what it is to refuse, it is no race with another process. */
async function heedsAlone(store: S3Store, conditions: Conditions, owned: string | undefined): Promise<boolean> {
  const probe = newPut(`${probeKey(owned)}-${randomUUID()}`, {}, conditions);
  try {
    return await heedsWhole(store, probe);
  } finally {
    await removeProbe(store, probe);
  }
}

/** @throws StorageError also where the upload cannot be abandoned: then none that fails could be */
async function heedsAtEnd(store: S3Store, probe: Put): Promise<boolean> {
  const upload = await beginUpload(store, probe);
  const [tried] = await Promise.allSettled([tryCompleting(store, probe, upload)]);
  const isGone = await abandonUpload(store, probe.key, upload);
  if (tried.status === "rejected") throw tried.reason;
  if (!isGone) throw stillThere(store, probe.key);
  return tried.value;
}

async function tryCompleting(store: S3Store, probe: Put, upload: string): Promise<boolean> {
  const sent = [await sendPart(store, probe, upload, ONE_BYTE, store.signal)];
  const trying = doing(store, "trying to store in parts under a condition");
  return refusesAll(store, probe, (condition) =>
    patiently(store, trying, (options) =>
      store.client.send(completion(store, probe, upload, sent, condition), options),
    ),
  );
}

function putProbe(
  store: S3Store,
  probe: Put,
  trying = doing(store, "trying to store"),
  condition: Condition = {},
): Promise<unknown> {
  const command = new PutObjectCommand({
    ...at(store, probe.key),
    ...objectFields(store, probe.key),
    ...putMetadata(probe),
    ...condition,
    Body: new Uint8Array(),
    ContentLength: 0,
    ChecksumCRC32: crcText(0),
  });
  return patiently(store, trying, (options) => store.client.send(command, options));
}

async function refusesAll(
  store: S3Store,
  probe: Put,
  send: (condition: Condition) => Promise<unknown>,
): Promise<boolean> {
  for (const condition of UNMET) if (!(await refuses(store, probe, () => send(condition)))) return false;
  return true;
}

/**
 * Whether the store heeds the condition. More than once, because another process may remove the probe in between: then what
 * is to be absent is, and what is to match is not found.
 */
async function refuses(store: S3Store, probe: Put, send: () => Promise<unknown>): Promise<boolean> {
  for (let time = 1; time <= TIMES; time += 1) {
    if (time > 1) await putProbe(store, probe);
    try {
      await send();
    } catch (error) {
      if (error instanceof StorageError && error.code === "STORAGE_CHANGED") return true;
      if (error instanceof NotFoundError) continue;
      // The upload is gone: what was sent before did make an object of it.
      if (isNotImplemented(error) || answerCode(error) === "NoSuchUpload") return false;
      throw error;
    }
  }
  return false;
}

/** Whoever may not remove can still back up: prune alone needs that right, and says so. False where it stays. */
async function removeProbe(store: S3Store, { key }: Put): Promise<boolean> {
  try {
    await removeObjects(store, [key]);
    return true;
  } catch (error) {
    if (!(error instanceof StorageError) || error.code !== "STORAGE_FORBIDDEN") throw error;
    store.log.info("these credentials may not remove objects, so prune will fail with them", { storage: store.name });
    return false;
  }
}
