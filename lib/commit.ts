import { createHash } from "node:crypto";
import { IntegrityError, NotFoundError, StorageError } from "./errors.ts";
import { manifestKey, sumsKey } from "./keys.ts";
import type { LeasedBackup } from "./lease/under-lease.ts";
import { documentBytes, type Manifest } from "./manifest.ts";
import type { RunPointer } from "./plan-line.ts";
import { type Condition, isRefusal, putDocument } from "./put-document.ts";
import { findSnapshot } from "./snapshots.ts";
import type { Storage } from "./storage/storage.ts";
import { MAX_SUMS_BYTES, sumsText } from "./sums.ts";

/** Whoever writes the list of digests beside us has lost the lease or soon will have; that is seen at once. */
const SUMS_ATTEMPTS = 5;

/**
 * SHA256SUMS and, last, manifest.json, which makes the snapshot exist. Each is written only right after the storage has
 * confirmed that the lease is held, and neither over what another process wrote meanwhile. Should this process be stopped right
 * then, whoever takes the job over sweeps what it has in the making.
 */
export async function commit(
  backup: LeasedBackup,
  storage: Storage,
  pointer: RunPointer,
  manifest: Manifest,
): Promise<Manifest> {
  const bytes = documentBytes(manifest);
  const manifestSha256 = createHash("sha256").update(bytes).digest("hex");
  const finished = await storage.head(manifestKey(pointer.job, pointer.snapshot));
  if (finished === undefined) {
    await putSums(backup, storage, pointer, sumsText(manifest, manifestSha256));
    await backup.lease.confirm();
    try {
      await putDocument(storage, manifestKey(pointer.job, pointer.snapshot), bytes, {
        ifAbsent: true,
        sweepable: true,
      });
      return manifest;
    } catch (error) {
      if (!isRefusal(error)) throw error;
    }
  }
  return finishedBefore(backup, storage, pointer);
}

/** A second `finish` of the same run: whose list of digests may lie there by now. */
async function finishedBefore(backup: LeasedBackup, storage: Storage, pointer: RunPointer): Promise<Manifest> {
  const { manifest, manifestSha256 } = await findSnapshot(storage, pointer.job, pointer.snapshot);
  if (manifest === undefined) {
    throw new IntegrityError("INTEGRITY_MANIFEST", `the manifest of ${pointer.job} ${pointer.snapshot} cannot be read`);
  }
  if (manifest.run !== pointer.run) {
    throw new StorageError("STORAGE_EXISTS", `${pointer.job} ${pointer.snapshot} was made by run ${manifest.run}`);
  }
  await putSums(backup, storage, pointer, sumsText(manifest, manifestSha256));
  return manifest;
}

async function putSums(
  backup: LeasedBackup,
  storage: Storage,
  pointer: RunPointer,
  content: Uint8Array,
): Promise<void> {
  const key = sumsKey(pointer.job, pointer.snapshot);
  for (let attempt = 1; ; attempt += 1) {
    await backup.lease.confirm();
    try {
      await putDocument(storage, key, content, await conditionNow(storage, key));
      return;
    } catch (error) {
      if (!isRefusal(error) || attempt >= SUMS_ATTEMPTS) throw error;
    }
  }
}

async function conditionNow(storage: Storage, key: string): Promise<Condition> {
  try {
    return { ifMatch: (await storage.read(key, MAX_SUMS_BYTES)).version };
  } catch (error) {
    if (error instanceof NotFoundError) return { ifAbsent: true };
    throw error;
  }
}
