import type { Backup } from "./backup.ts";
import type { Job } from "./config/schema.ts";
import { type DamageSeen, damageSeen } from "./damage.ts";
import { findJob } from "./jobs.ts";
import { manifestKey, snapshotPrefix, sumsKey, verifiedKey } from "./keys.ts";
import { holderIsGone, readLease } from "./lease/lease-document.ts";
import { leftoverDecision } from "./leftovers.ts";
import type { Log } from "./log.ts";
import { type ChainFault, manifestChain } from "./manifest-chain.ts";
import { beginRemovals, readRemovals, recordRemoval } from "./removals.ts";
import { type Decision, decide, type RetentionPlan, type SnapshotState } from "./retention/retention.ts";
import { isUnread, type SnapshotEntry } from "./snapshot-entry.ts";
import { isNarrowed, snapshotsNewestFirst, unfinishedRuns } from "./snapshots.ts";
import type { Storage } from "./storage/storage.ts";
import { type Problem, problemsOfChain } from "./watch/watch-job.ts";
import { whenThereIsRoom } from "./when-there-is-room.ts";

export interface PruneInput {
  readonly job: string;
  /** Plan only. */
  readonly dryRun: boolean;
}

export interface PruneResult {
  readonly job: string;
  /** One for each snapshot and each unfinished run, newest first. */
  readonly decisions: readonly Decision[];
  /** Ids of the snapshots that were removed. Empty in a dry run. */
  readonly removed: readonly string[];
  /** Ids of the unfinished runs whose leftovers were removed. Empty in a dry run. */
  readonly swept: readonly string[];
  /** What is wrong with earlier snapshots: lost, or their manifests changed. It stays as it is. */
  readonly problems: readonly Problem[];
  /** Why nothing, or nothing more, was removed although the policy says so. */
  readonly refused?: string;
}

interface Survey {
  /** What each snapshot holds, newest first. */
  readonly sizes: ReadonlyMap<string, number>;
  readonly states: readonly SnapshotState[];
  /** Folders that never became a snapshot. */
  readonly unfinished: readonly string[];
  /** Whether it must still be known that an earlier prune removed it: a manifest names it, or something of it is left. */
  readonly isRemembered: (snapshot: string) => boolean;
  /** Folders of snapshots that an earlier prune was ended in. */
  readonly halfRemoved: ReadonlySet<string>;
  readonly problems: readonly Problem[];
  /** Snapshots that none of the manifests names. */
  readonly unnamed: readonly string[];
}

/** S3's bound on one request, and how much is done between two looks at the signal. */
const KEYS_AT_ONCE = 1000;

/**
 * Removes what the job's retention does not keep; the only step that removes anything. Unless it only plans it is called
 * under the job's lease, so that what it finds unfinished is nobody's. It plans first, with a reason
 * for each, and goes from the oldest on: each manifest before what it names, so wherever it is stopped no manifest
 * names what is gone. Called again it finishes what was left. What it removes it records before, so that nobody takes
 * it for lost, or on a full disk as soon as there is room.
 * @throws StorageError | TransientError | InterruptedError; what was removed before it is in the log
 */
export async function prune(backup: Backup, input: PruneInput): Promise<PruneResult> {
  const job = findJob(backup.config, input.job);
  const storage = await backup.storage(job);
  const log = backup.log.with({ job: job.name });
  const found = await survey(storage, job.name, log);
  const { states, unfinished, halfRemoved } = found;
  const plan = decide(states, job.retention, backup.now(), job.timezone);
  const goingOn = await snapshotOfLease(storage, job.name);
  const leftovers: Decision[] = [];
  for (const snapshot of unfinished)
    leftovers.push(
      await leftoverDecision(storage, job, snapshot, plan, {
        ...{ goingOn, now: backup.now() },
        isHalfRemoved: halfRemoved.has(snapshot),
      }),
    );
  const decisions = [...plan.decisions, ...leftovers].sort((a, b) => (a.snapshot < b.snapshot ? 1 : -1));
  for (const { snapshot, reason } of decisions) log.debug(reason, { snapshot });
  const result = { job: job.name, decisions, removed: [], swept: [], problems: found.problems };
  const record = whenThereIsRoom(({ message }) =>
    log.warn(`removals are recorded once there is room; what goes until then may be told as lost: ${message}`),
  );
  if (!input.dryRun) {
    const kept = new Set(plan.decisions.filter(({ keep }) => keep).map(({ snapshot }) => snapshot));
    const isKept = (one: string) => kept.has(one);
    const left = [...found.sizes].filter(([one]) => plan.refused !== undefined || isKept(one));
    const bytesAfter = left.reduce((total, [, bytes]) => total + bytes, 0);
    await record(() =>
      beginRemovals(storage, job.name, backup.now(), {
        ...{ snapshots: [...found.sizes.keys()], unnamed: found.unnamed, isKept, bytesAfter },
        wouldKeep: (gone) => keptIfThere(gone, states, job, backup.now()),
      }),
    );
  }
  if (plan.refused !== undefined) return { ...result, refused: plan.refused };
  return input.dryRun
    ? result
    : execute(backup, storage, result, plan, { leftovers, record, isRemembered: found.isRemembered });
}

async function survey(storage: Storage, job: string, log: Log): Promise<Survey> {
  const judged: (() => SnapshotState)[] = [];
  // Before the snapshots: a run that is committed in between is then listed as a snapshot too, which wins.
  const folders = await Array.fromAsync(unfinishedRuns(storage, job));
  const sizes = new Map<string, number>();
  const damage = damageSeen();
  const chain = manifestChain();
  const faults: ChainFault[] = [];
  let isUnclear = false;
  for await (const entry of snapshotsNewestFirst(storage, job)) {
    damage.see(entry);
    const message = chain.see(entry);
    isUnclear ||= entry.manifest === undefined;
    if (message !== undefined) {
      log.warn(message, { code: entry.fault?.code ?? "INTEGRITY_MANIFEST", snapshot: entry.snapshot });
      // One that is only not read here may be whole.
      if (!isUnread(entry)) faults.push({ snapshot: entry.snapshot, message });
    }
    judged.push(retentionState(entry, damage));
    sizes.set(entry.snapshot, entry.manifest?.totals.bytes ?? 0);
  }
  const states = judged.map((state) => state());
  const lost = await chain.lost(storage, job, { unfinished: folders, isWhole: true });
  for (const { snapshot, message } of lost) {
    log.warn(message, { code: "SNAPSHOT_LOST", snapshot });
    if (folders.includes(snapshot)) states.push({ snapshot, status: "failed", verified: false });
  }
  const snapshots = new Set(states.map(({ snapshot }) => snapshot));
  const unfinished = folders.filter((snapshot) => !snapshots.has(snapshot));
  const removed = unfinished.length === 0 ? new Set<string>() : (await readRemovals(storage, job)).removed;
  return {
    sizes,
    states,
    unfinished,
    problems: problemsOfChain(lost, faults),
    unnamed: [...sizes.keys()].filter((snapshot) => !chain.isNamed(snapshot)),
    halfRemoved: new Set(unfinished.filter((snapshot) => removed.has(snapshot))),
    // A manifest that cannot be read may name any.
    isRemembered: (snapshot) =>
      !snapshots.has(snapshot) && (isUnclear || chain.isNamed(snapshot) || unfinished.includes(snapshot)),
  };
}

/** Of what is gone nothing else is known: it may have been good. */
function keptIfThere(
  gone: readonly string[],
  states: readonly SnapshotState[],
  { retention, timezone }: Job,
  now: Date,
): readonly string[] {
  const missed = new Set(gone);
  const there = states.filter(({ snapshot }) => !missed.has(snapshot));
  const asIfGood = gone.map((snapshot) => ({ snapshot, status: "ok" as const, verified: true }));
  const { decisions } = decide([...there, ...asIfGood], retention, now, timezone);
  return decisions.filter(({ snapshot, keep }) => keep && missed.has(snapshot)).map(({ snapshot }) => snapshot);
}

/**
 * A manifest that cannot be trusted makes its snapshot a failed one: as the newest, it holds everything. One that cannot be
 * judged here is the same, but that it stays. What it answers is to be called once `damage` has seen all.
 */
export function retentionState(entry: SnapshotEntry, damage: DamageSeen): () => SnapshotState {
  const { snapshot, manifest, fault, verified, lock, mayBeGood } = entry;
  const known = {
    snapshot,
    ...(lock === undefined ? {} : { lock }),
    ...(mayBeGood === undefined ? {} : { mayBeGood }),
  };
  if (fault !== undefined || manifest === undefined) return () => ({ ...known, status: "failed", verified: false });
  const status = manifest.status === "ok" && isNarrowed(entry) ? "narrowed" : manifest.status;
  if (!verified) return () => ({ ...known, status, verified });
  const isDamaged = damage.judge(entry);
  return () => ({ ...known, status, verified: !isDamaged() });
}

/** The run that somebody is at work on: who looks and takes no lease may meet one. */
export async function snapshotOfLease(storage: Storage, job: string): Promise<string | undefined> {
  const document = (await readLease(storage, job))?.document;
  return document === undefined || document.released || holderIsGone(document) ? undefined : document.snapshot;
}

interface Execution {
  readonly leftovers: readonly Decision[];
  readonly record: ReturnType<typeof whenThereIsRoom>;
  readonly isRemembered: (snapshot: string) => boolean;
}

async function execute(
  backup: Backup,
  storage: Storage,
  result: PruneResult,
  plan: RetentionPlan,
  { leftovers, record, isRemembered }: Execution,
): Promise<PruneResult> {
  const { job } = result;
  const removed: string[] = [];
  const swept: string[] = [];
  for (const { snapshot, reason } of result.decisions.filter(({ keep }) => !keep).reverse()) {
    backup.signal.throwIfAborted();
    const lost = await lostSince(storage, job, plan.newestGood);
    if (lost !== undefined) return { ...result, removed, swept, refused: lost };
    const isLeftover = leftovers.some((one) => one.snapshot === snapshot);
    // Its run may have been committed since it was looked at.
    if (isLeftover && (await storage.head(manifestKey(job, snapshot))) !== undefined) continue;
    const isNeeded = (one: string) => removed.includes(one) || isRemembered(one);
    if (!isLeftover) await record(() => recordRemoval(storage, job, snapshot, isNeeded));
    await removeSnapshot(backup, storage, job, snapshot, reason);
    (isLeftover ? swept : removed).push(snapshot);
    await record();
  }
  return { ...result, removed, swept };
}

/** The plan rests on the newest good snapshot. Another process, or a person, may have removed it meanwhile. */
async function lostSince(storage: Storage, job: string, newestGood: string | undefined): Promise<string | undefined> {
  if (newestGood === undefined) return "no snapshot is good, so none is removed";
  if ((await storage.head(manifestKey(job, newestGood))) !== undefined) return undefined;
  return `the newest good snapshot ${newestGood} was removed by someone else meanwhile; nothing more was removed`;
}

async function removeSnapshot(
  backup: Backup,
  storage: Storage,
  job: string,
  snapshot: string,
  reason: string,
): Promise<void> {
  const prefix = snapshotPrefix(job, snapshot);
  const manifest = manifestKey(job, snapshot);
  const documents = [verifiedKey(job, snapshot), sumsKey(job, snapshot)];
  const artifacts: string[] = [];
  // Last, so that while an artifact is left it can be seen whose it was.
  const records: string[] = [];
  let bytes = 0;
  for await (const object of storage.list(prefix)) {
    bytes += object.bytes;
    if (object.key === manifest || documents.includes(object.key)) continue;
    (object.key.startsWith(`${prefix}.run/`) ? records : artifacts).push(object.key);
  }
  const log = backup.log.with({ job, snapshot });
  log.info(reason, { key: prefix, objects: artifacts.length + records.length, bytes });
  // A call each, since within one a storage keeps no order.
  for (const batch of [[manifest], documents, ...batches(artifacts), ...batches(records)]) {
    if (!batch.includes(manifest)) backup.signal.throwIfAborted();
    for (const key of batch) log.debug("removing", { key });
    await storage.remove(batch);
  }
}

function* batches(keys: readonly string[]): Generator<readonly string[]> {
  for (let start = 0; start < keys.length; start += KEYS_AT_ONCE) yield keys.slice(start, start + KEYS_AT_ONCE);
}
