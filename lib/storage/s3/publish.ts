import { randomUUID } from "node:crypto";
import { CodedError, NotFoundError, StorageError, TransientError } from "../../errors.ts";
import { retry } from "../../retry.ts";
import { alreadyExists, hasChanged } from "../body.ts";
import type { PutOptions } from "../storage.ts";
import { type Doing, isNotImplemented } from "./errors.ts";
import { headObject } from "./head.ts";
import { once, type S3Store } from "./store.ts";

/** Whether conditions are heeded: found out by trying, in `prepare` or here; undefined until then. */
interface Heeding {
  supported: boolean | undefined;
}

/** For each way in which an object comes to be: a store may heed conditions in one and pass over them in the other. */
export interface Conditions {
  /** In one request: PutObject. */
  readonly whole: Heeding;
  /** At the end of an upload: CompleteMultipartUpload. */
  readonly parts: Heeding;
}

export const newConditions = (): Conditions => ({ whole: { supported: undefined }, parts: { supported: undefined } });

/** One object in the making. */
export interface Put {
  readonly key: string;
  /** Marks the object with the put that made it, so that after a lost answer it can be known. */
  readonly id: string;
  readonly ifAbsent: boolean;
  readonly ifMatch: string | undefined;
  readonly conditions: Conditions;
}

/** What the store said of an object that it took. */
export interface Published {
  readonly etag: string | undefined;
  /** The checksum that the store computed. */
  readonly crc32: string | undefined;
}

const PUT_ID = "core-backup-put";

export const newPut = (key: string, { ifAbsent = false, ifMatch }: PutOptions, conditions: Conditions): Put => ({
  key,
  id: randomUUID(),
  ifAbsent,
  ifMatch,
  conditions,
});

export const putMetadata = ({ id }: Put) => ({ Metadata: { [PUT_ID]: id } });

/**
 * A look beforehand: before many bytes are sent for nothing, and the best there is where conditions are not heeded.
 * @throws StorageError `STORAGE_EXISTS` | `STORAGE_CHANGED`
 */
export async function checkCondition(store: S3Store, { key, ifAbsent, ifMatch }: Put): Promise<void> {
  if (!ifAbsent && ifMatch === undefined) return;
  const found = await headObject(store, key);
  if (ifAbsent && found !== undefined) throw alreadyExists(key);
  if (ifMatch !== undefined && found?.ETag !== ifMatch) throw hasChanged(key);
}

/**
 * Sends the one request that makes the object visible, with the put's condition, until it is answered. Where it is not known
 * to be heeded, it is looked at just before. An answer that
 * was lost, or is late because a large object is still put together, may leave one all the same: after each failure the object itself
 * is asked whose it is, so that neither the next attempt (it exists, the upload is gone) nor the last one is believed.
 */
export async function publish(
  store: S3Store,
  put: Put,
  way: keyof Conditions,
  doing: Doing,
  send: (condition: Condition, options: { abortSignal: AbortSignal }) => Promise<Published>,
): Promise<Published> {
  const heeding = put.conditions[way];
  if (heeding.supported !== true) await checkCondition(store, put);
  let answerLost = false;
  const request = () =>
    once(store, doing, (options) => send(heeding.supported === false ? {} : conditionOf(put), options));
  return retry(async () => {
    try {
      return await request();
    } catch (error) {
      if (error instanceof TransientError) answerLost = true;
      if (answerLost) {
        const ours = await findOurs(store, put);
        if (ours !== undefined) return ours;
      } else if (heeding.supported === undefined && isConditional(put) && isNotImplemented(error)) {
        // Once conditions are known to work, one answer that they are not does not switch them off for all that follows.
        heeding.supported = false;
        warnOfConditions(store, [way]);
        await checkCondition(store, put);
        return request();
      }
      throw inOwnWords(put, error);
    }
  }, store.retry);
}

const WAYS = {
  whole: "stores an object in one request (PutObject)",
  parts: "puts one together from its parts (CompleteMultipartUpload)",
} as const satisfies Record<keyof Conditions, string>;

export function warnOfConditions({ log, name }: S3Store, lacking: readonly (keyof Conditions)[]): void {
  log.warn(
    `the storage does not heed conditions when it ${lacking.map((way) => WAYS[way]).join(" and when it ")}: two runs of one job at the same time could overwrite each other's objects`,
    { storage: name },
  );
}

export type Condition = { IfNoneMatch?: string; IfMatch?: string };

const isConditional = ({ ifAbsent, ifMatch }: Put): boolean => ifAbsent || ifMatch !== undefined;

function conditionOf({ ifAbsent, ifMatch }: Put): Condition {
  if (ifAbsent) return { IfNoneMatch: "*" };
  return ifMatch === undefined ? {} : { IfMatch: ifMatch };
}

function inOwnWords({ key, ifAbsent, ifMatch }: Put, error: unknown): unknown {
  const failed = error instanceof StorageError && error.code === "STORAGE_CHANGED";
  if (ifAbsent && failed) return alreadyExists(key, error);
  // To S3 what is absent is no other version.
  if (ifMatch !== undefined && (failed || error instanceof NotFoundError)) return hasChanged(key, error);
  return error;
}

async function findOurs(store: S3Store, put: Put): Promise<Published | undefined> {
  try {
    const found = await headObject(store, put.key);
    return found?.Metadata?.[PUT_ID] === put.id ? { etag: found.ETag, crc32: undefined } : undefined;
  } catch (error) {
    // Why it was not published counts, and that error is on its way.
    if (error instanceof CodedError) return undefined;
    throw error;
  }
}
