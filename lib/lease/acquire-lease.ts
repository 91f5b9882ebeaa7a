import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { LeaseHeldError, StorageError } from "../errors.ts";
import { leaseKey } from "../keys.ts";
import { isRefusal, putDocument } from "../put-document.ts";
import type { Storage } from "../storage/storage.ts";
import { type HeldLease, holdLease, LEASE_MS, type LeaseContext, marks, period } from "./lease.ts";
import {
  describeHolder,
  endOf,
  type FoundLease,
  holderIsGone,
  holderOf,
  type LeaseDocument,
  lastAtWork,
  leaseBytes,
  ownerHere,
  readLease,
} from "./lease-document.ts";

export interface LeaseRequest {
  readonly purpose: "run" | "prune";
  /** False where the work goes on in other processes, by `continueLease`. */
  readonly processBound: boolean;
  /** Of a run: that it is for some units alone. */
  readonly narrowed?: boolean | undefined;
  /** How long to wait for a lease that somebody holds; 0 for not at all. It may go by who that is: undefined where it cannot be read. */
  readonly waitMs: number | ((held: LeaseDocument | undefined) => number);
  /** Of what the lease is taken for. One that it holds already is taken over at once: the answer to the call that took it was lost. */
  readonly execution?: string | undefined;
  /** Whether an execution goes on, for those who can ask. Without it only the clock tells how long its lease is in force. */
  readonly executionState?: ((execution: string) => Promise<ExecutionState>) | undefined;
}

/** `unknown`: nobody may say. */
export type ExecutionState = "running" | "ended" | "unknown";

const POLL_MS = 5_000;
/** Clocks that are kept agree better than this. */
const CLOCK_TOLERANCE_MS = 60_000;

/**
 * Takes the job's lease. One that is free is taken at once, and so is one whose holder was a process of this machine and
 * has ended. One that is in force by the clock is refused, or waited for. Of a lease that an execution of a state machine holds,
 * that execution says more than any clock: while it runs its lease is held, and once it has ended it is in force no more.
 *
 * Clocks may be wrong, so no clock alone makes a lease free: one that seems to have run out, or that comes from the
 * future, is watched for `LEASE_MS` by a clock that nobody sets. Only if it is not renewed in that time is it
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
    const left = watched === undefined ? 0 : watched.since + LEASE_MS - elapsed;
    const state = await stateOf(found?.document, request);
    const isInForce = inForce(found?.document, state, context.now().getTime());
    const why = whyFree(found, { left, isInForce, state }, request);
    if (why !== undefined) {
      const taken = await take(storage, job, found, request, context);
      if (taken === undefined) continue;
      if (why !== "free") log.warn(`took over the lease of ${describeHolder(holderOf(found?.document))}: ${why}`);
      return taken;
    }
    const isAlive = renewals > 0 || isInForce;
    if (isAlive && elapsed - begun >= patienceMs(request, found?.document)) throw held(job, found?.document);
    if (!told) log.info(waitingFor(found?.document, isAlive, state, left));
    told = true;
    await sleep(left > 0 ? Math.min(POLL_MS, left + 1) : POLL_MS, signal);
  }
}

const patienceMs = ({ waitMs }: LeaseRequest, document: LeaseDocument | undefined): number =>
  typeof waitMs === "number" ? waitMs : waitMs(document);

/** Undefined when somebody else was faster. */
async function take(
  storage: Storage,
  job: string,
  found: FoundLease | undefined,
  { purpose, narrowed = false, processBound, execution }: LeaseRequest,
  context: LeaseContext,
): Promise<HeldLease | undefined> {
  const begun = marks(context);
  const now = context.now();
  const owner = ownerHere({ processBound });
  const before = lastAtWork(found?.document);
  const document: LeaseDocument = {
    schemaVersion: 1,
    token: randomUUID(),
    sequence: (found?.document?.sequence ?? 0) + 1,
    released: false,
    purpose,
    ...(narrowed ? { narrowed } : {}),
    ...owner,
    ...(execution === undefined ? {} : { execution }),
    ...(before === undefined ? {} : { before }),
    acquiredAt: now.toISOString(),
    ...period(now, owner),
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

/** Of the execution that holds it, where that is another one. */
async function stateOf(
  document: LeaseDocument | undefined,
  { execution, executionState }: LeaseRequest,
): Promise<ExecutionState> {
  const holder = document?.released === true ? undefined : document?.execution;
  return holder === undefined || holder === execution ? "unknown" : ((await executionState?.(holder)) ?? "unknown");
}

interface Looked {
  /** Milliseconds until nobody has renewed it for so long that its holder is not certain of it either. */
  readonly left: number;
  readonly isInForce: boolean;
  readonly state: ExecutionState;
}

function whyFree(
  found: FoundLease | undefined,
  { left, isInForce, state }: Looked,
  { execution }: LeaseRequest,
): string | undefined {
  if (found === undefined || found.document?.released === true) return "free";
  if (found.document !== undefined && holderIsGone(found.document)) return "its process has ended";
  if (execution !== undefined && found.document?.execution === execution) return "it is of the same execution";
  // Between the steps of a run nobody renews it.
  const isBetweenSteps = isInForce && found.document?.process === undefined;
  if (left > 0 || isBetweenSteps) return undefined;
  return state === "ended"
    ? "its execution has ended, and none of its steps is at work"
    : "it was not renewed while it was watched";
}

function inForce(document: LeaseDocument | undefined, state: ExecutionState, now: number): boolean {
  if (document === undefined || state !== "unknown") return state === "running";
  // That of an execution was renewed by a clock of AWS, which is right: where it seems to come from the future, ours is behind.
  const isOfNow = document.execution !== undefined || Date.parse(document.renewedAt) <= now + CLOCK_TOLERANCE_MS;
  return isOfNow && now < endOf(document);
}

function held(job: string, document: LeaseDocument | undefined): LeaseHeldError {
  const holder = holderOf(document);
  return new LeaseHeldError(`job ${job} is being worked on by ${describeHolder(holder)}`, holder);
}

function waitingFor(
  document: LeaseDocument | undefined,
  isAlive: boolean,
  state: ExecutionState,
  leftMs: number,
): string {
  const who = describeHolder(holderOf(document));
  if (isAlive) return `waiting for ${who}`;
  const why =
    state === "ended"
      ? "is of an execution that has ended; a step of it may still be at work, so it"
      : "seems to have run out; since clocks may differ it";
  return `the lease of ${who} ${why} is watched for ${Math.ceil(leftMs / 1000)} s`;
}

async function sleepUnlessAborted(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await delay(ms, undefined, { signal });
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  }
}
