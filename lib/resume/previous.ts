import { basename } from "node:path/posix";
import { readArtifact } from "../artifact.ts";
import type { Backup } from "../backup.ts";
import type { Bytes } from "../bytes.ts";
import { compressionExtension } from "../compression.ts";
import type { Job } from "../config/schema.ts";
import type { PreviousArtifact, PreviousUnit } from "../connectors/connector.ts";
import { decryptionsFor } from "../decryptions.ts";
import { encryptionExtension } from "../encryption/encryption.ts";
import { EncryptionError, IntegrityError, NotFoundError } from "../errors.ts";
import { wholeOf } from "../identity.ts";
import { isEncryptedBy } from "../job-encryption.ts";
import { snapshotPrefix } from "../keys.ts";
import type { Log } from "../log.ts";
import type { Artifact, UnitRecord } from "../manifest.ts";
import type { CollectInput, UnitPointer } from "../plan-line.ts";
import { newestRecord } from "../record.ts";
import type { Storage } from "../storage/storage.ts";

/** A unit in a snapshot that holds it, as the connector and as the storage see it. */
export interface Previous {
  readonly unit: PreviousUnit;
  /** By item name. */
  readonly artifacts: ReadonlyMap<string, Artifact>;
}

/**
 * What the plan's `previous` or `salvage` points at: its record, not its whole manifest, so that a unit costs the same in a plan of any
 * size. Undefined where there is none, or its record is of another unit. What is encrypted otherwise than the job
 * does it now is left out, so that none of it is taken over.
 */
export async function previousOf(
  backup: Backup,
  job: Job,
  storage: Storage,
  input: CollectInput,
  from: UnitPointer | undefined,
): Promise<Previous | undefined> {
  const record = await previousRecord(backup.log, storage, input, from);
  if (from === undefined || record === undefined) return undefined;
  const prefix = snapshotPrefix(input.job, from.snapshot);
  const { damaged = [] } = from;
  const whole = damaged === "all" ? [] : record.artifacts.filter(({ path }) => !damaged.includes(path));
  const artifacts = new Map<string, Artifact>();
  for (const artifact of whole) {
    if (await isEncryptedBy(await backup.encryption(job), artifact)) artifacts.set(itemName(artifact), artifact);
  }
  const seen = new Map<string, PreviousArtifact>();
  for (const [name, artifact] of artifacts) seen.set(name, readable(backup, job, storage, prefix, artifact));
  const unusable = new Set(record.artifacts.map(itemName).filter((name) => !artifacts.has(name)));
  return { unit: { snapshot: from.snapshot, artifacts: seen, unusable }, artifacts };
}

/** A stored artifact as a connector sees it. */
export function readable(
  backup: Backup,
  job: Job,
  storage: Storage,
  prefix: string,
  artifact: Artifact,
): PreviousArtifact {
  const { facts, sourceBytes } = artifact;
  return { facts, sourceBytes, open: () => readPrevious(backup, job, storage, prefix, artifact) };
}

/** The unit's record there; undefined where the plan points at none, or what lies there is another unit's. */
export async function previousRecord(
  log: Log,
  storage: Storage,
  { job, unit: { id, identity } }: CollectInput,
  from: UnitPointer | undefined,
): Promise<UnitRecord | undefined> {
  if (from === undefined) return undefined;
  const { snapshot, n, resumed = 0 } = from;
  const record = await recordThere(log, storage, { job, snapshot, resumed }, n);
  if (record === undefined) return undefined;
  const isOurs =
    identity === undefined
      ? record.id === id
      : record.identity === identity || (record.identity !== undefined && record.identity === wholeOf(identity));
  return isOurs ? record : undefined;
}

/** One that is damaged is as good as none: it must not make the unit fail in every run from now on. */
async function recordThere(
  log: Log,
  storage: Storage,
  place: Parameters<typeof newestRecord>[1],
  n: number,
): Promise<UnitRecord | undefined> {
  try {
    return await newestRecord(storage, place, n);
  } catch (error) {
    if (!(error instanceof IntegrityError || error instanceof RangeError)) throw error;
    log.warn(`nothing is taken over from the last snapshot: ${error.message}`, { snapshot: place.snapshot });
    return undefined;
  }
}

/** To the connector, what is sealed is as good as gone: it collects in full. */
async function* readPrevious(backup: Backup, job: Job, storage: Storage, prefix: string, artifact: Artifact): Bytes {
  try {
    const decryptions = await decryptionsFor(backup, job, [artifact]);
    yield* readArtifact(storage, prefix, artifact, decryptions.of(artifact));
  } catch (error) {
    throw error instanceof EncryptionError ? new NotFoundError(error.message, { cause: error }) : error;
  }
}

/** The name that the connector gave: without what was added for compression and encryption. */
/** What the connector called it. */
export function itemName({ path, compression, encryption }: Artifact): string {
  const name = basename(path);
  const extension =
    compressionExtension(compression) + (encryption === null ? "" : encryptionExtension(encryption.type));
  return name.endsWith(extension) ? name.slice(0, name.length - extension.length) : name;
}
