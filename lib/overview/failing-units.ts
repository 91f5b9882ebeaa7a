import type { ErrorCode } from "../errors.ts";
import type { SnapshotEntry } from "../snapshot-entry.ts";

export interface FailingUnit {
  readonly unit: string;
  readonly failures: number;
  /** Of the newest failure. */
  readonly code: ErrorCode;
  readonly snapshot: string;
}

interface Failures {
  /** To be told of snapshots from the newest on. */
  see(entry: SnapshotEntry): void;
  /** Most failures first, at most five. */
  most(): FailingUnit[];
}

const MOST = 5;

/** Counts which units fail. It holds one entry for each unit that failed at all. */
export function failingUnits(): Failures {
  const failing = new Map<string, FailingUnit>();
  return {
    see({ snapshot, manifest }) {
      for (const { id, status, error } of manifest?.units ?? []) {
        if (status !== "failed" || error === undefined) continue;
        const known = failing.get(id) ?? { unit: id, failures: 0, code: error.code, snapshot };
        failing.set(id, { ...known, failures: known.failures + 1 });
      }
    },
    most: () =>
      [...failing.values()].sort((a, b) => b.failures - a.failures || (a.unit < b.unit ? -1 : 1)).slice(0, MOST),
  };
}
