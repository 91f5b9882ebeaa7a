import type { ErrorRecord } from "./errors.ts";
import { furtherBack } from "./further-back.ts";
import { isGood, provedWhen } from "./job-history.ts";
import { manifestKey } from "./keys.ts";
import { readLease } from "./lease/lease-document.ts";
import { withoutListings } from "./listing.ts";
import type { Verification } from "./manifest.ts";
import { type ChainFault, manifestChain } from "./manifest-chain.ts";
import { readRemovals } from "./removals.ts";
import { type UnfinishedState, unfinishedState } from "./resume/unfinished-state.ts";
import { lastStart } from "./scheduling/job-past.ts";
import { entryStatus, isUnread, type SnapshotEntry } from "./snapshot-entry.ts";
import { isAhead, runsNewestFirst } from "./snapshots.ts";
import type { Storage } from "./storage/storage.ts";

/** What the storage says of a job, and nothing else does. */
export interface JobSurvey {
  readonly newestGood?: string;
  /** The newest good one of which every artifact was proved. */
  readonly newestProved?: string;
  /** Statuses of the runs since the newest good one, newest first, `unfinished` among them. */
  readonly since: readonly { readonly snapshot: string; readonly status: string }[];
  /** The first run that anything is known of. */
  readonly first?: string;
  /** When a run was last begun, however it ended. */
  readonly lastStart?: Date;
  /** A run later than every snapshot that has no manifest. */
  readonly unfinished?: { readonly snapshot: string; readonly state: UnfinishedState };
  /** Dated after now, by a clock that was ahead: what they say counts for nothing until then. */
  readonly ahead: readonly string[];
  /** What is wrong with manifests, each in its place. */
  readonly faults: readonly ChainFault[];
  /** Of whose manifest nothing is known here, though it may be whole: the newest first. */
  readonly unread: readonly (ChainFault & Pick<ErrorRecord, "code">)[];
  /** What was there once and was not taken away by prune. */
  readonly lost: readonly ChainFault[];
}

/** Manifests can be large: `verify --snapshot all` reads what lies further back. */
const LOOK_BACK = 30;

export interface SurveyOptions {
  /** Snapshots that something was wrong with when it was told: they are looked at however far back. */
  readonly toldOf?: readonly string[];
  /** Whether the newest proved one is looked for through all there is. */
  readonly proves?: boolean;
}

/** @throws StorageError | TransientError */
export async function surveyJob(
  storage: Storage,
  job: string,
  now: Date,
  { toldOf = [], proves = true }: SurveyOptions = {},
): Promise<JobSurvey> {
  const [oldestTold] = [...toldOf].sort();
  const withoutManifest: string[] = [];
  const ahead: string[] = [];
  const faults: ChainFault[] = [];
  const unread: JobSurvey["unread"][number][] = [];
  const chain = manifestChain();
  const since: { snapshot: string; status: string }[] = [];
  let newest: string | undefined;
  let oldest: string | undefined;
  let good: string | undefined;
  let proved: string | undefined;
  let first: string | undefined;
  let looked = 0;
  // What is gone shows once an older one, or the last of all, was seen.
  let isPastTold = oldestTold === undefined;
  let isWhole = true;
  for await (const { snapshot, entry } of runsNewestFirst(storage, job, () => LOOK_BACK + 1 - looked)) {
    if (entry === undefined) {
      withoutManifest.push(snapshot);
      continue;
    }
    if (looked >= LOOK_BACK && good !== undefined && isPastTold) {
      isWhole = false;
      break;
    }
    const fault = chain.see(entry);
    if (fault !== undefined && (looked < LOOK_BACK || toldOf.includes(snapshot))) {
      if (entry.fault !== undefined && isUnread(entry)) unread.push({ snapshot, ...entry.fault });
      else faults.push({ snapshot, message: fault });
    }
    looked += 1;
    isPastTold ||= oldestTold !== undefined && snapshot <= oldestTold;
    if (isAhead(snapshot, now)) {
      ahead.push(snapshot);
      continue;
    }
    newest ??= snapshot;
    oldest = snapshot;
    first = snapshot;
    if (isGood(entry)) {
      good ??= snapshot;
      if (provedWhen(entry, { orSealed: true }) !== undefined) proved ??= snapshot;
    } else if (good === undefined) since.push({ snapshot, status: statusOf(entry) });
  }
  if (!isWhole && proves && proved === undefined && oldest !== undefined) {
    const isProved = (verification: Verification) =>
      provedWhen({ verification, verified: true }, { orSealed: true }) !== undefined;
    for await (const { snapshot, entry } of furtherBack(storage, job, oldest, isProved)) {
      first = snapshot;
      if (entry === undefined || !isGood(entry)) continue;
      proved = snapshot;
      break;
    }
  }
  const open = await withoutListings(storage, job, await unremoved(storage, job, withoutManifest));
  ahead.push(...open.filter((one) => isAhead(one, now)));
  const unfinished = open.filter((one) => !isAhead(one, now));
  const begun = unfinished.at(-1);
  if (begun !== undefined && (first === undefined || begun < first)) first = begun;
  const lost = await chain.lost(storage, job, { unfinished: open, isWhole });
  const [last] = unfinished;
  const isLast = last !== undefined && (newest === undefined || last > newest);
  const start = await lastStart(storage, job, now);
  const later = unfinished.filter((snapshot) => good === undefined || snapshot > good);
  since.push(...later.map((snapshot) => ({ snapshot, status: "unfinished" })));
  return {
    ...(good === undefined ? {} : { newestGood: good }),
    ...(proved === undefined ? {} : { newestProved: proved }),
    ...(first === undefined ? {} : { first }),
    ...(start === undefined ? {} : { lastStart: start }),
    ...(isLast ? await unfinishedNow(storage, job, last, now) : {}),
    since: since.sort((a, b) => (a.snapshot < b.snapshot ? 1 : -1)),
    ahead: ahead.sort(),
    faults,
    unread,
    lost,
  };
}

function statusOf(entry: SnapshotEntry): string {
  const { manifest, verified } = entry;
  if (manifest === undefined) return entryStatus(entry);
  if (manifest.status !== "ok") return manifest.status;
  return verified ? "narrowed" : "unverified";
}

/** What prune was ended in is no run; the next prune takes away the rest. To be asked after the folders were looked at. */
async function unremoved(storage: Storage, job: string, folders: readonly string[]): Promise<readonly string[]> {
  if (folders.length === 0) return [];
  const { removed } = await readRemovals(storage, job);
  return folders.filter((snapshot) => !removed.has(snapshot));
}

/** Nothing for a run that has its manifest by now: it gives its lease back after that. */
async function unfinishedNow(
  storage: Storage,
  job: string,
  snapshot: string,
  now: Date,
): Promise<Pick<JobSurvey, "unfinished">> {
  const state = unfinishedState(snapshot, (await readLease(storage, job))?.document, now);
  if (state !== "running" && (await storage.head(manifestKey(job, snapshot))) !== undefined) return {};
  return { unfinished: { snapshot, state } };
}
