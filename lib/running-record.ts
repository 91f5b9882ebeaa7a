import type { Backup } from "./backup.ts";
import { SourceError } from "./errors.ts";
import { unitFolder } from "./keys.ts";
import type { UnitRecord } from "./manifest.ts";
import type { PlanLine } from "./plan-line.ts";
import type { UnitProgress } from "./unit-progress.ts";

/** So many artifacts of a unit are named one by one. */
const NAMED = 16;
/** Of a unit with more, what was stored is in its record once that is so much longer, and after so long at the latest. */
const GROWTH = 1 / 8;
const INTERVAL_MS = 30_000;

/** The record of a unit while it is collected. */
export interface RunningRecord {
  /** What is done by now. */
  now(): UnitRecord;
  /** Has the record say that these may lie there, before they do. Where it says so already, it is written at intervals. */
  announce(paths: readonly string[]): Promise<void>;
  /**
   * Awaits what is being written, and refuses all later announcements: work that was left behind at its deadline must
   * not put `running` over how the unit ended.
   */
  close(): Promise<void>;
}

/**
 * A record grows with each artifact, and one that were written for each would be written a square of them. So beyond the
 * first ones it announces the unit's folder, which stands for all in it, and is written again when it is an eighth longer.
 */
export function runningRecord(
  unit: PlanLine,
  progress: UnitProgress,
  backup: Backup,
  write: (record: UnitRecord) => Promise<void>,
): RunningRecord {
  const startedAt = backup.now();
  const folder = `${unitFolder(unit.id)}/`;
  let written = { folder: false, attempts: -1, listed: new Set<string>(), at: startedAt.getTime() };

  let isClosed = false;
  let writing: Promise<unknown> = Promise.resolve();

  const isDue = (paths: readonly string[]) =>
    !written.folder ||
    // Another attempt replaces what the record lists, and so does what is read once more.
    progress.attempts !== written.attempts ||
    paths.some((path) => written.listed.has(path)) ||
    progress.artifacts.length - written.listed.size >= Math.max(1, written.listed.size * GROWTH) ||
    backup.now().getTime() - written.at >= INTERVAL_MS;

  const recordOf = (pending: readonly string[]): UnitRecord => ({
    run: unit.run,
    n: unit.n,
    id: unit.id,
    ...(unit.identity === undefined ? {} : { identity: unit.identity }),
    status: "running",
    fingerprint: unit.fingerprint,
    startedAt: startedAt.toISOString(),
    durationMs: Math.max(0, backup.now().getTime() - startedAt.getTime()),
    attempts: progress.attempts,
    compute: unit.compute,
    artifacts: [...progress.artifacts],
    ...(pending.length === 0 ? {} : { pending: [...pending] }),
    warnings: [...progress.warnings],
  });

  return {
    now: () => recordOf(pendingOf(progress)),
    async announce(paths) {
      if (isClosed) throw new SourceError("UNIT_TIMEOUT", `unit ${unit.id} has ended: nothing more of it is stored`);
      for (const path of paths) progress.begun.add(path);
      if (!isDue(paths)) return;
      const pending = progress.begun.size > NAMED ? [folder] : pendingOf(progress);
      const { attempts } = progress;
      const listed = new Set(progress.artifacts.map(({ path }) => path));
      const one = write(recordOf(pending));
      writing = Promise.allSettled([writing, one]);
      await one;
      written = { folder: pending.includes(folder), attempts, listed, at: backup.now().getTime() };
    },
    async close() {
      isClosed = true;
      await writing;
    },
  };
}

function pendingOf({ begun, artifacts }: UnitProgress): readonly string[] {
  const stored = new Set(artifacts.map(({ path }) => path));
  return [...begun].filter((path) => !stored.has(path));
}
