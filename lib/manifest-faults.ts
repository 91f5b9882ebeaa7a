import { readAll } from "./bytes.ts";
import { type ErrorRecord, NotFoundError } from "./errors.ts";
import { sumsKey } from "./keys.ts";
import type { Manifest } from "./manifest.ts";
import { isUnread, type SnapshotEntry } from "./snapshot-entry.ts";
import { snapshotAfter } from "./snapshots.ts";
import type { Storage } from "./storage/storage.ts";
import { MAX_SUMS_BYTES, parseSums } from "./sums.ts";
import { statusOf, totalsOf } from "./totals.ts";

/**
 * What is wrong with a snapshot's manifest itself: that it does not parse, that it differs from its line in SHA256SUMS,
 * from what was verified earlier, or from what its successor recorded of it; that its own parts do not agree.
 */
export async function manifestFaults(storage: Storage, entry: SnapshotEntry): Promise<ErrorRecord[]> {
  const faults: ErrorRecord[] = entry.fault === undefined ? [] : [entry.fault];
  const fault = (message: string) => faults.push({ code: "INTEGRITY_MANIFEST", message, retryable: false });
  const { verification, manifest, manifestSha256 } = entry;
  if (verification !== undefined && verification.manifestSha256 !== manifestSha256) {
    fault("manifest.json is not the one that was verified before");
  }
  if (isUnread(entry)) return faults;
  const successor = await snapshotAfter(storage, entry.job, entry.snapshot);
  const previous = successor?.manifest?.previous;
  if (previous?.snapshot === entry.snapshot && previous.manifestSha256 !== manifestSha256) {
    fault(`manifest.json is not the one that snapshot ${successor?.snapshot} followed`);
  }
  if (manifest === undefined) return faults;
  for (const message of await sumsFaults(storage, entry.job, manifest)) fault(message);
  if (JSON.stringify(totalsOf(manifest.units)) !== JSON.stringify(manifest.totals))
    fault("its totals are not those of its units");
  if (statusOf(manifest.units) !== manifest.status) fault(`its status ${manifest.status} is not that of its units`);
  return faults;
}

async function sumsFaults(storage: Storage, job: string, manifest: Manifest): Promise<string[]> {
  const sums = await readSums(storage, sumsKey(job, manifest.snapshot));
  if (sums === undefined) return ["SHA256SUMS is missing"];
  const artifacts = manifest.units.flatMap((unit) => unit.artifacts);
  const differing = artifacts.filter((artifact) => sums.get(artifact.path) !== artifact.sha256);
  const faults = differing.map((artifact) => `${artifact.path} has another digest in SHA256SUMS than in manifest.json`);
  if (sums.size !== artifacts.length + 1) {
    faults.push(`SHA256SUMS has ${sums.size} lines where manifest.json makes ${artifacts.length + 1}`);
  }
  return faults;
}

async function readSums(storage: Storage, key: string): Promise<ReadonlyMap<string, string> | undefined> {
  try {
    return parseSums(Buffer.from(await readAll(await storage.get(key), MAX_SUMS_BYTES)).toString("utf8"));
  } catch (error) {
    if (error instanceof NotFoundError) return undefined;
    throw error;
  }
}
