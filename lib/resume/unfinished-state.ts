import { snapshotTime } from "../keys.ts";
import { isLive, type LeaseDocument } from "../lease/lease-document.ts";

/** `stopped`: it was ended in order, or nothing says otherwise yet. `stuck`: nobody is at work on it, and nobody ended it in order. */
export type UnfinishedState = "running" | "stopped" | "stuck";

/** Without a lease that tells of it, a run is taken for stuck after this. */
const IDLE_MS = 24 * 3_600_000;

/** By the lease, as far as that is of this run: what a prune, or a later run that did not get as far, does with it says nothing. Pure. */
export function unfinishedState(snapshot: string, lease: LeaseDocument | undefined, now: Date): UnfinishedState {
  if (lease !== undefined && isOf(lease, snapshot)) {
    if (lease.released) return "stopped";
    return isLive(lease, now) ? "running" : "stuck";
  }
  if (lease?.before?.snapshot === snapshot) return lease.before.released === true ? "stopped" : "stuck";
  return now.getTime() - beginning(snapshot) > IDLE_MS ? "stuck" : "stopped";
}

/** A run names its snapshot in the lease right after it has a folder; that it began under the lease says the same. */
function isOf({ purpose, snapshot: named, acquiredAt }: LeaseDocument, snapshot: string): boolean {
  if (named !== undefined || purpose !== "run") return named === snapshot;
  return beginning(snapshot) >= Math.floor(Date.parse(acquiredAt) / 1000) * 1000;
}

const beginning = (snapshot: string): number => snapshotTime(snapshot)?.getTime() ?? 0;
