import { artifactPath, storeArtifact } from "./artifact.ts";
import type { Backup } from "./backup.ts";
import type { Bytes } from "./bytes.ts";
import type { Job } from "./config/schema.ts";
import type { Checkpoint, Item } from "./connectors/connector.ts";
import { deferral } from "./deferral.ts";
import { SourceError } from "./errors.ts";
import { manifestKey, snapshotPrefix, unitFolder } from "./keys.ts";
import type { Artifact } from "./manifest.ts";
import type { CollectInput } from "./plan-line.ts";
import { itemName, type Previous, previousOf, readable } from "./resume/previous.ts";
import { pathIn, takeOver } from "./resume/reuse.ts";
import { salvagedUnit } from "./resume/salvaged-unit.ts";
import type { Storage } from "./storage/storage.ts";
import type { UnitProgress } from "./unit-progress.ts";

/** Where an attempt works. */
export interface Attempt {
  readonly backup: Backup;
  readonly job: Job;
  readonly storage: Storage;
  readonly input: CollectInput;
  readonly progress: UnitProgress;
  readonly onPending: (paths: readonly string[]) => Promise<void>;
  readonly signal: AbortSignal;
}

/**
 * One attempt at all of a unit's items. What an earlier attempt stored is stored anew, so that all of it is of one time;
 * but what was stored before the source had us wait stays, and its items are not opened again.
 */
export async function collectArtifacts(attempt: Attempt): Promise<void> {
  const { backup, job, storage, input, progress, signal } = attempt;
  const resumed = progress.resuming;
  progress.resuming = false;
  progress.note = undefined;
  if (!resumed) {
    progress.attempts += 1;
    progress.artifacts = [];
    progress.warnings = [];
  }
  const { unit } = input;
  const encryption = await backup.encryption(job);
  const previous = await previousOf(backup, job, storage, input, unit.previous);
  const salvage: Previous[] = [];
  for (const from of unit.salvage ?? []) {
    const one = await previousOf(backup, job, storage, input, from);
    if (one !== undefined) salvage.push(one);
  }
  const connector = await backup.connector(job);
  const warn = ({ code, message }: { code: string; message: string }) => {
    const warning = { code, message: backup.redaction.redact(message), unit: unit.id };
    if (!progress.warnings.some((one) => one.code === code && one.message === warning.message)) {
      progress.warnings.push(warning);
    }
  };
  const stored = new Set(progress.artifacts.map(({ path }) => path));
  const taken = new Set(stored);
  let sourceBytes = progress.artifacts.reduce((total, artifact) => total + artifact.sourceBytes, 0);
  const kept = new Map(
    progress.artifacts.map((artifact) => [
      itemName(artifact),
      {
        how: artifact.reusedFrom === undefined ? ("made" as const) : ("taken over" as const),
        ...readable(backup, job, storage, snapshotPrefix(job.name, input.snapshot), artifact),
      },
    ]),
  );
  const context = {
    previous: previous?.unit,
    salvage: salvagedUnit(salvage),
    signal,
    warn,
    defer: deferral(backup, input, signal),
    waits: backup.waits,
    kept,
    checkpoint: await checkpointOf(attempt, resumed),
    hasSnapshot: async (snapshot: string) => (await storage.head(manifestKey(job.name, snapshot))) !== undefined,
  };
  await eachItem(connector.collect(unit, context), async (item) => {
    const path = artifactPath(unitFolder(unit.id), item, { compression: job.compression, encryption });
    const isAgain = item.replaces !== undefined;
    if (stored.delete(path) && !isAgain) return;
    if (taken.has(path) && !isAgain)
      throw new SourceError("SOURCE_PROTOCOL", `two artifacts of the unit are called ${path}`);
    const replaced = progress.artifacts.filter((one) => item.replaces?.(itemName(one)) === true);
    const artifact = isAgain
      ? await storeAgain(attempt, item, path, sourceBytes, replaced)
      : ((await takenOver(
          attempt,
          item,
          item.unchanged === "salvage" ? salvage.find(({ artifacts }) => artifacts.has(item.name)) : previous,
        )) ?? (await storeItem(attempt, item, path, sourceBytes)));
    for (const one of replaced) {
      stored.delete(one.path);
      taken.delete(one.path);
      kept.delete(itemName(one));
    }
    progress.artifacts.push(artifact);
    taken.add(artifact.path);
    sourceBytes += artifact.sourceBytes;
  });
}

/** Undefined where all that a connector has to know after a wait can be read of what is stored, and where it waits here. */
async function checkpointOf({ backup, job, progress }: Attempt, resumed: boolean): Promise<Checkpoint | undefined> {
  const encryption = await backup.encryption(job);
  if (backup.waits === "here" || encryption === undefined) return undefined;
  if ((await backup.decryption(job, encryption.type)) !== undefined) return undefined;
  return {
    before: resumed ? progress.notedBefore : undefined,
    note(notes) {
      progress.note = notes;
    },
  };
}

/** As `for await`, but what goes wrong with an item is thrown where the connector gave it, which may go on without. */
async function eachItem(items: AsyncIterable<Item>, work: (item: Item) => Promise<void>): Promise<void> {
  const iterator = items[Symbol.asyncIterator]();
  let next = await iterator.next();
  while (next.done !== true) {
    const failed = await work(next.value).then(
      () => undefined,
      (error: unknown) => ({ error }),
    );
    if (failed === undefined) next = await iterator.next();
    else if (iterator.throw !== undefined) next = await iterator.throw(failed.error);
    else throw failed.error;
  }
}

async function takenOver(
  { backup, storage, input, onPending }: Attempt,
  item: Item,
  from: Previous | undefined,
): Promise<Artifact | undefined> {
  const before = isUnchanged(item) ? from?.artifacts.get(item.name) : undefined;
  if (before === undefined || from === undefined) return undefined;
  const log = backup.log.with({ job: input.job, run: input.run, unit: input.unit.id });
  const path = pathIn(input, before);
  await onPending([path]);
  const copy = await takeOver(storage, input, from.unit.snapshot, before, path, log);
  if (copy === undefined) return undefined;
  return { ...copy, facts: item.facts?.() ?? before.facts, reusedFrom: from.unit.snapshot };
}

const isUnchanged = ({ unchanged = false }: Item): boolean => unchanged !== false;

/** No record lists what is being replaced. It is still there where its successor's bytes did not come to their end. */
async function storeAgain(
  attempt: Attempt,
  item: Item,
  path: string,
  before: number,
  replaced: readonly Artifact[],
): Promise<Artifact> {
  const { progress } = attempt;
  const listed = progress.artifacts;
  let ended = false;
  async function* open(): Bytes {
    ended = false;
    yield* item.open();
    ended = true;
  }
  progress.artifacts = listed.filter((one) => !replaced.includes(one));
  try {
    return await storeItem(attempt, { ...item, open }, path, before);
  } catch (error) {
    if (!ended) progress.artifacts = listed;
    throw error;
  }
}

async function storeItem(
  { backup, job, storage, input, progress, onPending, signal }: Attempt,
  item: Item,
  path: string,
  before: number,
): Promise<Artifact> {
  const isBegun = progress.begun.has(path);
  // Written first, so that at no moment there is an object that no record speaks of.
  await onPending([path]);
  return storeArtifact(item, {
    storage,
    prefix: snapshotPrefix(input.job, input.snapshot),
    folder: unitFolder(input.unit.id),
    compression: job.compression,
    encryption: await backup.encryption(job),
    // A copy that turned out wrong may lie there; so may what an earlier attempt or process stored, or was given up for another item.
    ifAbsent: progress.attempts === 1 && !progress.begunBefore && !isUnchanged(item) && !isBegun,
    signal,
    onBytes: (bytes) =>
      backup.emit({ type: "unit-bytes", job: job.name, unit: input.unit.id, sourceBytes: before + bytes }),
  });
}
