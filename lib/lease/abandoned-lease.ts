import { setTimeout as delay } from "node:timers/promises";
import { leaseKey } from "../keys.ts";
import { isRefusal, putDocument } from "../put-document.ts";
import type { Storage } from "../storage/storage.ts";
import type { ExecutionState } from "./acquire-lease.ts";
import { LEASE_MS } from "./lease.ts";
import { type LeaseDocument, leaseBytes, readLease } from "./lease-document.ts";

export interface AbandonedLease {
  /** `free`: given back now, or before. `taken`: it is not, or no more, of an execution that has ended. `held`: somebody still renewed it at the end. */
  readonly state: "free" | "taken" | "held";
  /** When it runs out unless it is renewed, for one that is held or taken: ISO 8601, by its holder's clock. */
  readonly until?: string;
}

export interface AbandonedOptions {
  /** How long to wait for holders that are still at work. */
  readonly patienceMs: number;
  readonly signal: AbortSignal;
  /** ARNs: only a lease of one of these executions is given back; any other is `taken`. */
  readonly executions: readonly string[];
  /** Asked right before it is given back: one that was redriven goes on, and keeps its lease. */
  readonly executionState: (execution: string) => Promise<ExecutionState>;
  readonly sleep?: (ms: number) => Promise<void>;
}

const POLL_MS = 1_000;

/**
 * Gives back the lease of a run that was stopped, once none of its steps holds it any more: steps that are at work in
 * other processes renew it, and one whose renewal is slow trusts it for nearly as long as whoever takes it over has to watch it.
 */
export async function giveBackAbandoned(
  storage: Storage,
  job: string,
  {
    patienceMs,
    signal,
    executions,
    executionState,
    sleep = (ms) => delay(ms, undefined, { signal }),
  }: AbandonedOptions,
): Promise<AbandonedLease> {
  const first = await readLease(storage, job);
  const token = first?.document?.token;
  let found = first;
  let quietMs = 0;
  for (let waitedMs = 0; ; waitedMs += POLL_MS) {
    const document = found?.document;
    if (document === undefined || document.released) return { state: "free" };
    const taken = { state: "taken", until: document.expiresAt } as const;
    const { execution } = document;
    if (document.token !== token || execution === undefined || !executions.includes(execution)) return taken;
    if (quietMs >= LEASE_MS) {
      if ((await executionState(execution)) === "running") return taken;
      if (await released(storage, job, document, found?.version)) return { state: "free" };
    }
    if (waitedMs >= patienceMs) return { state: "held", until: document.expiresAt };
    await sleep(POLL_MS);
    const next = await readLease(storage, job);
    quietMs = next?.version === found?.version ? quietMs + POLL_MS : 0;
    found = next;
  }
}

/** False where it was written meanwhile. */
async function released(storage: Storage, job: string, document: LeaseDocument, version = ""): Promise<boolean> {
  const next = { ...document, released: true, sequence: document.sequence + 1 };
  try {
    await putDocument(storage, leaseKey(job), leaseBytes(next), { ifMatch: version });
    return true;
  } catch (error) {
    if (isRefusal(error)) return false;
    throw error;
  }
}
