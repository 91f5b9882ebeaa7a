import { basename } from "node:path/posix";
import { readArtifact } from "./artifact.ts";
import { readAll } from "./bytes.ts";
import { compressionExtension } from "./compression.ts";
import type { PreviousArtifact, PreviousUnit } from "./connectors/connector.ts";
import { NotFoundError } from "./errors.ts";
import { recordKey, snapshotPrefix } from "./keys.ts";
import { type Artifact, parseDocument, unitRecordSchema } from "./manifest.ts";
import type { CollectInput } from "./plan-line.ts";
import { MAX_RECORD_BYTES } from "./record.ts";
import type { Storage } from "./storage/storage.ts";

/** A unit in the last good snapshot that held it, as the connector and as the storage see it. */
export interface Previous {
  readonly unit: PreviousUnit;
  /** By item name. */
  readonly artifacts: ReadonlyMap<string, Artifact>;
}

/**
 * What the plan's `previous` points at: its record, not its whole manifest, so that a unit costs the same in a plan of any
 * size. Undefined where there is none, or its record is of another unit.
 */
export async function previousOf(storage: Storage, input: CollectInput): Promise<Previous | undefined> {
  const { previous, id, identity } = input.unit;
  if (previous === undefined) return undefined;
  const record = await readRecordAt(storage, recordKey(input.job, previous.snapshot, previous.n));
  if (record === undefined || (identity === undefined ? record.id !== id : record.identity !== identity)) {
    return undefined;
  }
  const prefix = snapshotPrefix(input.job, previous.snapshot);
  const damaged = new Set(previous.damaged);
  const whole = record.artifacts.filter(({ path }) => !damaged.has(path));
  const artifacts = new Map(whole.map((artifact) => [itemName(artifact), artifact]));
  const seen = new Map<string, PreviousArtifact>();
  for (const [name, artifact] of artifacts) {
    const { facts, sourceBytes } = artifact;
    seen.set(name, { facts, sourceBytes, open: () => readArtifact(storage, prefix, artifact) });
  }
  return { unit: { snapshot: previous.snapshot, artifacts: seen }, artifacts };
}

async function readRecordAt(storage: Storage, key: string) {
  try {
    return parseDocument(unitRecordSchema, key, await readAll(await storage.get(key), MAX_RECORD_BYTES));
  } catch (error) {
    if (error instanceof NotFoundError) return undefined;
    throw error;
  }
}

/** The name that the connector gave: without what was added for compression. */
function itemName({ path, compression }: Artifact): string {
  const name = basename(path);
  const extension = compressionExtension(compression);
  return name.endsWith(extension) ? name.slice(0, name.length - extension.length) : name;
}
