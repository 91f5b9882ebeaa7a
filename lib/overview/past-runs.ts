import type { Backup } from "../backup.ts";
import type { Job } from "../config/schema.ts";
import { damageSeen } from "../damage.ts";
import { errorRecord } from "../errors.ts";
import { readFailedRun } from "../failed-run.ts";
import { isGood } from "../job-history.ts";
import { snapshotTime } from "../keys.ts";
import { withoutListings } from "../listing.ts";
import { retentionState, snapshotOfLease } from "../prune.ts";
import { readRemovals } from "../removals.ts";
import type { SnapshotState } from "../retention/retention.ts";
import { runsNewestFirst } from "../snapshots.ts";
import type { Storage } from "../storage/storage.ts";
import type { WatchedJob } from "../watch/watch-job.ts";
import { wasRead } from "../watch/watch-news.ts";
import { type FailingUnit, failingUnits } from "./failing-units.ts";
import { type Forecast, forecast } from "./forecast.ts";
import { type RunSummary, runSummary, unfinishedSummary } from "./run-summary.ts";
import { type StoredDay, storedDays } from "./stored-days.ts";

/** What the storage holds of a job. */
export interface JobPast {
  /** Those of the last days, newest first. */
  readonly runs: readonly RunSummary[];
  readonly firstRun: string | null;
  readonly snapshots: number;
  /** As stored, by all its snapshots: what a later one took over from an earlier one counts in both. */
  readonly bytes: number;
  /** The course of `bytes`. */
  readonly storedDays: readonly StoredDay[];
  /** The newest good snapshot beside the newest one of 30 days before it, or else the oldest good one. */
  readonly growth: {
    readonly since: string;
    readonly from: number;
    readonly newest: string;
    readonly to: number;
  } | null;
  /** Those that failed most often in the last days. */
  readonly failingUnits: readonly FailingUnit[];
  /** What prune would remove next; null when nothing in sight. */
  readonly prune: Forecast | null;
}

const DAY_MS = 86_400_000;
const GROWTH_DAYS = 30;

/**
 * A storage that fails is told of by the watch, and is not asked again where that could not read it; one that fails only here is in the
 * log, and the past is empty.
 */
export async function readPast(
  backup: Backup,
  watched: WatchedJob,
  job: Job | undefined,
  span: number,
): Promise<JobPast> {
  const { job: name, storage: place } = watched;
  const [some] = backup.config.jobs;
  try {
    if (some === undefined || !wasRead(watched)) return nothing;
    return await readFrom(
      backup,
      await backup.storage({ ...(job ?? some), name, target_storage: place }),
      name,
      job,
      span,
    );
  } catch (error) {
    backup.signal.throwIfAborted();
    const { code, message } = errorRecord(error, backup.redaction.redact);
    backup.log.with({ job: name }).warn(message, { code });
    return nothing;
  }
}

const nothing: JobPast = {
  runs: [],
  firstRun: null,
  snapshots: 0,
  bytes: 0,
  storedDays: [],
  growth: null,
  failingUnits: [],
  prune: null,
};

async function readFrom(
  backup: Backup,
  storage: Storage,
  name: string,
  job: Job | undefined,
  span: number,
): Promise<JobPast> {
  const now = backup.now();
  const runs: RunSummary[] = [];
  const judged: (() => SnapshotState)[] = [];
  const sizes: { snapshot: string; bytes: number }[] = [];
  const failing = failingUnits();
  const damage = damageSeen();
  let stored = 0;
  const isRecent = (snapshot: string) => timeOf(snapshot) > now.getTime() - (span + 1) * DAY_MS;
  const goingOn = await snapshotOfLease(storage, name);
  const { stored: recorded } = await readRemovals(storage, name);
  const withoutManifest: string[] = [];
  for await (const { snapshot, entry } of runsNewestFirst(storage, name, () => Number.POSITIVE_INFINITY)) {
    backup.signal.throwIfAborted();
    if (entry === undefined) {
      withoutManifest.push(snapshot);
      continue;
    }
    damage.see(entry);
    judged.push(retentionState(entry, damage));
    const bytes = entry.manifest?.totals.bytes ?? 0;
    stored += bytes;
    if (isGood(entry)) sizes.push({ snapshot: entry.snapshot, bytes });
    if (!isRecent(entry.snapshot)) continue;
    runs.push(runSummary(entry));
    failing.see(entry);
  }
  const unfinished = await withoutListings(storage, name, withoutManifest);
  const states = judged.map((state) => state());
  for (const one of unfinished.filter(isRecent))
    runs.push(unfinishedSummary(one, one === goingOn, await readFailedRun(storage, name, one)));
  runs.sort((a, b) => (a.snapshot < b.snapshot ? 1 : -1));
  return {
    runs,
    firstRun: [states.at(-1)?.snapshot, unfinished.at(-1)].filter((one) => one !== undefined).sort()[0] ?? null,
    snapshots: states.length,
    bytes: stored,
    storedDays: storedDays(recorded, { day: now.toISOString().slice(0, 10), bytes: stored }, span),
    growth: growthOf(sizes),
    failingUnits: failing.most(),
    prune: (job === undefined ? undefined : forecast(states, { ...job, now, schedule: job.schedule })) ?? null,
  };
}

function growthOf(newestFirst: readonly { readonly snapshot: string; readonly bytes: number }[]): JobPast["growth"] {
  const [newest] = newestFirst;
  if (newest === undefined || newestFirst.length === 1) return null;
  const wanted = timeOf(newest.snapshot) - GROWTH_DAYS * DAY_MS;
  const before = newestFirst.find(({ snapshot }) => timeOf(snapshot) <= wanted) ?? newestFirst.at(-1);
  return before === undefined
    ? null
    : { since: before.snapshot, from: before.bytes, newest: newest.snapshot, to: newest.bytes };
}

const timeOf = (snapshot: string): number => snapshotTime(snapshot)?.getTime() ?? 0;
