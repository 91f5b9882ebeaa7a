import { CodedError, LeaseLostError } from "../errors.ts";
import { leaseKey } from "../keys.ts";
import type { Log } from "../log.ts";
import { isRefusal, putDocument } from "../put-document.ts";
import type { Storage } from "../storage/storage.ts";
import { describeHolder, holderOf, type LeaseDocument, leaseBytes, readLease } from "./lease-document.ts";

/** Whoever is at work renews a lease well within it; who watches it for so long, and sees no renewal, may take it over. */
export const LEASE_MS = 90_000;
/**
 * The longest that a run whose steps are processes of their own is between two of them, in which nobody renews: a container is
 * started, with what Step Functions tries again. So long after its last renewal such a lease runs out by the clock.
 */
export const BETWEEN_STEPS_MS = 20 * 60_000;
const RENEW_EVERY_MS = 30_000;
/** For what lies between knowing that the lease is held and the end of what is then done. */
const MARGIN_MS = 15_000;

export interface LeaseContext {
  readonly log: Log;
  readonly now: () => Date;
  readonly signal: AbortSignal;
  /** Milliseconds that only grow, whatever is done to the clock. */
  readonly elapsed?: () => number;
  readonly sleep?: (ms: number, signal: AbortSignal) => Promise<void>;
}

/** A job's lease as long as it is held. */
export interface HeldLease {
  /** Names the holder: given to `continueLease`, another process goes on under the same lease. */
  readonly token: string;
  /** Aborted with a `LeaseLostError` when another process has taken it. */
  readonly signal: AbortSignal;
  /** Returns at once while nobody can have taken it, and else asks the storage. @throws LeaseLostError, or what the storage throws */
  check(): Promise<void>;
  /** Asks the storage in any case, by renewing. @throws as `check` */
  confirm(): Promise<void>;
  /** Nobody will renew it until that moment, when a step comes again. For runs whose steps are processes of their own. @throws as `check` */
  keepUntil(moment: Date): Promise<void>;
  /** Says in the lease what is worked on. @throws as `check` */
  describe(about: { readonly run: string; readonly snapshot: string }): Promise<void>;
  /** Gives it back, so that others need not wait. Throws nothing: a lease that cannot be given back runs out. */
  release(): Promise<void>;
  /** Stops renewing and leaves it held, for another process to go on. */
  leave(): Promise<void>;
}

/**
 * The lease of `token` again, as a step in another process does. It is renewed first: others may have watched it for a
 * while, and what they count from is its last change, not when we read it.
 * @throws LeaseLostError when somebody else has it by now
 */
export async function continueLease(
  storage: Storage,
  job: string,
  token: string,
  context: LeaseContext,
): Promise<HeldLease> {
  const readAt = marks(context);
  const found = await readLease(storage, job);
  if (found?.document?.token !== token || found.document.released) throw lost(job, found?.document);
  const { document, version } = found;
  const lease = holdLease({ storage, job, document, version, seenAt: readAt, writtenAt: readAt, context });
  try {
    await lease.confirm();
    return lease;
  } catch (error) {
    await lease.leave();
    throw error;
  }
}

interface Holding {
  readonly storage: Storage;
  readonly job: string;
  readonly document: LeaseDocument;
  /** Of what lies in the storage; undefined where nothing does. */
  readonly version: string | undefined;
  /** Before that version was written or read: what has another version later was written since. */
  readonly seenAt: Marks;
  /** Not later than it was last written; undefined where the storage was too full to write it. */
  readonly writtenAt: Marks | undefined;
  readonly context: LeaseContext;
}

/** Begins to renew a lease that was just taken. For `acquireLease` and `continueLease`. */
export function holdLease({ storage, job, context, ...first }: Holding): HeldLease {
  const controller = new AbortController();
  const log = context.log.with({ job });
  const { token } = first.document;
  let { document, version, seenAt, writtenAt } = first;
  let busy: Promise<unknown> = Promise.resolve();
  let timer: NodeJS.Timeout | undefined;
  let isOver = false;

  /** One after the other: two renewals at once would each find the other's. */
  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = busy.then(work);
    busy = turn.catch(() => {});
    return turn;
  }

  /** Whether nobody can have watched it for its whole length by now. */
  function isCertain(): boolean {
    return writtenAt !== undefined && since(writtenAt, context) < LEASE_MS - MARGIN_MS;
  }

  function lose(found: LeaseDocument | undefined): never {
    clearTimeout(timer);
    const error = lost(job, found);
    controller.abort(error);
    throw error;
  }

  async function write(changes: Partial<LeaseDocument>, until?: Date): Promise<void> {
    for (;;) {
      controller.signal.throwIfAborted();
      if (isOver && changes.released !== true) throw new LeaseLostError(`the lease of job ${job} was given back`);
      const begun = marks(context);
      const times = period(context.now(), document, until);
      const next = { ...document, ...changes, ...times, sequence: document.sequence + 1 };
      try {
        version = await putDocument(
          storage,
          leaseKey(job),
          leaseBytes(next),
          version === undefined ? { ifAbsent: true } : { ifMatch: version },
        );
        document = next;
        seenAt = begun;
        writtenAt = begun;
        return;
      } catch (error) {
        const isUnwritten = writtenAt === undefined && error instanceof CodedError && error.code === "STORAGE_FULL";
        if (!isUnwritten && !isRefusal(error)) throw error;
        const readAt = marks(context);
        const found = await readLease(storage, job);
        // Where there is no room for ours, there is none for another one: none may be there either.
        if (isUnwritten && found?.version === version) return;
        if (found?.document?.token !== token || found.document.released) lose(found?.document);
        // Another step of this run has renewed it, after we saw what it replaced.
        writtenAt = seenAt;
        seenAt = readAt;
        document = found.document;
        version = found.version;
        if (Object.keys(changes).length === 0 && until === undefined && isCertain()) return;
      }
    }
  }

  function schedule(): void {
    timer = setTimeout(() => void renew(), RENEW_EVERY_MS);
    timer.unref();
  }

  async function renew(): Promise<void> {
    try {
      await inTurn(() => write({}));
    } catch (error) {
      if (!(error instanceof LeaseLostError))
        log.warn(`the lease could not be renewed and is tried again: ${messageOf(error)}`);
    }
    if (!controller.signal.aborted && timer !== undefined) schedule();
  }

  async function stop(): Promise<void> {
    clearTimeout(timer);
    timer = undefined;
    await busy;
    isOver = true;
  }

  schedule();
  return {
    token,
    signal: controller.signal,
    async check() {
      controller.signal.throwIfAborted();
      if (isOver || !isCertain()) await inTurn(() => write({}));
    },
    confirm: () => inTurn(() => write({})),
    keepUntil: (moment) => inTurn(() => write({}, moment)),
    describe: (about) => inTurn(() => write(about)),
    async release() {
      await stop();
      if (controller.signal.aborted || writtenAt === undefined) return;
      try {
        await write({ released: true });
      } catch (error) {
        log.warn(`the lease could not be given back, and runs out by itself: ${messageOf(error)}`);
      }
    },
    leave: stop,
  };
}

/** Two clocks: one that nobody sets, and one that does not stand still while the machine is suspended. */
interface Marks {
  readonly elapsed: number;
  readonly time: number;
}

export function marks({ elapsed = () => performance.now(), now }: LeaseContext): Marks {
  return { elapsed: elapsed(), time: now().getTime() };
}

/** By the clock that shows more: one that was set ahead only makes us ask the storage too early. */
function since(before: Marks, context: LeaseContext): number {
  const after = marks(context);
  return Math.max(after.elapsed - before.elapsed, after.time - before.time);
}

/**
 * From `now` on. Where steps go on beside one that waits until a moment, none takes anything away from how long that one is
 * waited for.
 */
export function period(
  now: Date,
  { process, expiresAt }: Pick<LeaseDocument, "process"> & { readonly expiresAt?: string },
  until: Date = now,
): Pick<LeaseDocument, "renewedAt" | "expiresAt"> {
  const renewedAt = now.toISOString();
  if (process !== undefined) return { renewedAt, expiresAt: new Date(now.getTime() + LEASE_MS).toISOString() };
  const next = Math.max(now.getTime(), until.getTime()) + BETWEEN_STEPS_MS;
  const before = expiresAt === undefined ? 0 : Date.parse(expiresAt);
  return { renewedAt, expiresAt: new Date(Math.max(before, next)).toISOString() };
}

function lost(job: string, found: LeaseDocument | undefined): LeaseLostError {
  const who =
    found === undefined ? "it is gone, or cannot be read" : `it is that of ${describeHolder(holderOf(found))}`;
  return new LeaseLostError(`the lease of job ${job} is not ours any more: ${who}`);
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
