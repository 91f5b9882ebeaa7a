import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { LeaseHeldError, StorageError } from "../errors.ts";
import { leaseKey } from "../keys.ts";
import { isRefusal, putDocument } from "../put-document.ts";
import type { Storage } from "../storage/storage.ts";
import { type HeldLease, holdLease, LEASE_MS, type LeaseContext, marks, period } from "./lease.ts";
import {
  describeHolder,
  type FoundLease,
  holderIsGone,
  holderOf,
  type LeaseDocument,
  leaseBytes,
  ownerHere,
  readLease,
} from "./lease-document.ts";

export interface LeaseRequest {
  readonly purpose: "run" | "prune";
  /** False where the work goes on in other processes, by `continueLease`. */
  readonly processBound: boolean;
  /** How long to wait for a lease that somebody holds; 0 for not at all. */
  readonly waitMs: number;
  /** Of what the lease is taken for. One that it holds already is taken over at once: the answer to the call that took it was lost. */
  readonly execution?: string | undefined;
}

const POLL_MS = 5_000;
/** Clocks that are kept agree better than this. */
const CLOCK_TOLERANCE_MS = 60_000;
const LONGEST_LEASE_MS = 60 * 60 * 1000;

/**
 * Takes the job's lease. One that is free is taken at once, and so is one whose holder was a process of this machine and
 * has ended. One that is in force by the clock is refused, or waited for.
 *
 * Clocks may be wrong, so no clock alone makes a lease free: one that seems to have run out, or that comes from the
 * future, is watched for as long as it lasts by a clock that nobody sets. Only if it is not renewed in that time is it
 * taken over; its holder, whatever its clock says, then knows that it is not certain any more of holding it.
 * @throws LeaseHeldError
 */
export async function acquireLease(
  storage: Storage,
  job: string,
  request: LeaseRequest,
  context: LeaseContext,
): Promise<HeldLease> {
  const { signal, sleep = sleepUnlessAborted } = context;
  const log = context.log.with({ job });
  const begun = marks(context).elapsed;
  let watched: { readonly version: string; readonly since: number } | undefined;
  let renewals = 0;
  let told = false;
  for (;;) {
    signal.throwIfAborted();
    const found = await readLease(storage, job);
    const elapsed = marks(context).elapsed;
    if (found !== undefined && watched?.version !== found.version) {
      if (watched !== undefined) renewals += 1;
      watched = { version: found.version, since: elapsed };
    }
    const left = watched === undefined ? 0 : watched.since + lengthOf(found?.document) - elapsed;
    const why = whyFree(found, left, request);
    if (why !== undefined) {
      const taken = await take(storage, job, found, request, context);
      if (taken === undefined) continue;
      if (why !== "free") log.warn(`took over the lease of ${describeHolder(holderOf(found?.document))}: ${why}`);
      return taken;
    }
    const isAlive = renewals > 0 || inForce(found?.document, context.now().getTime());
    if (isAlive && elapsed - begun >= request.waitMs) throw held(job, found?.document);
    if (!told) log.info(waitingFor(found?.document, isAlive, left));
    told = true;
    await sleep(Math.min(POLL_MS, Math.max(left, 0) + 1), signal);
  }
}

/** Undefined when somebody else was faster. */
async function take(
  storage: Storage,
  job: string,
  found: FoundLease | undefined,
  { purpose, processBound, execution }: LeaseRequest,
  context: LeaseContext,
): Promise<HeldLease | undefined> {
  const begun = marks(context);
  const now = context.now();
  const document: LeaseDocument = {
    schemaVersion: 1,
    token: randomUUID(),
    sequence: (found?.document?.sequence ?? 0) + 1,
    released: false,
    purpose,
    ...ownerHere({ processBound }),
    ...(execution === undefined ? {} : { execution }),
    acquiredAt: now.toISOString(),
    ...period(now),
  };
  const condition = found === undefined ? { ifAbsent: true } : { ifMatch: found.version };
  try {
    const version = await putDocument(storage, leaseKey(job), leaseBytes(document), condition);
    return holdLease({ storage, job, document, version, seenAt: begun, writtenAt: begun, context });
  } catch (error) {
    if (isRefusal(error)) return undefined;
    // Prune has to work on a full disk, on which nobody else can take a lease either.
    if (purpose === "prune" && error instanceof StorageError && error.code === "STORAGE_FULL")
      return holdLease({
        storage,
        job,
        document,
        version: found?.version,
        seenAt: begun,
        writtenAt: undefined,
        context,
      });
    throw error;
  }
}

/** `leftMs`: until the lease has been the same for as long as it lasts. */
function whyFree(found: FoundLease | undefined, leftMs: number, { execution }: LeaseRequest): string | undefined {
  if (found === undefined || found.document?.released === true) return "free";
  if (found.document !== undefined && holderIsGone(found.document)) return "its process has ended";
  if (execution !== undefined && found.document?.execution === execution) return "it is of the same execution";
  return leftMs <= 0 ? "it was not renewed while it was watched" : undefined;
}

function inForce(document: LeaseDocument | undefined, now: number): boolean {
  if (document === undefined) return false;
  const renewed = Date.parse(document.renewedAt);
  return renewed <= now + CLOCK_TOLERANCE_MS && now < renewed + lengthOf(document);
}

function lengthOf(document: LeaseDocument | undefined): number {
  if (document === undefined) return LEASE_MS;
  const length = Date.parse(document.expiresAt) - Date.parse(document.renewedAt);
  return Math.min(Math.max(length, LEASE_MS), LONGEST_LEASE_MS);
}

function held(job: string, document: LeaseDocument | undefined): LeaseHeldError {
  const holder = holderOf(document);
  return new LeaseHeldError(`job ${job} is being worked on by ${describeHolder(holder)}`, holder);
}

function waitingFor(document: LeaseDocument | undefined, isAlive: boolean, leftMs: number): string {
  const who = describeHolder(holderOf(document));
  return isAlive
    ? `waiting for ${who}`
    : `the lease of ${who} seems to have run out; since clocks may differ it is watched for ${Math.ceil(leftMs / 1000)} s`;
}

async function sleepUnlessAborted(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await delay(ms, undefined, { signal });
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  }
}
