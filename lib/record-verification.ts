import { CodedError, NotFoundError } from "./errors.ts";
import { withFailedProofs } from "./failed-proof.ts";
import { manifestKey, verifiedKey } from "./keys.ts";
import { documentBytes, parseDocument, type Verification, verificationSchema } from "./manifest.ts";
import { type Condition, isRefusal, putDocument } from "./put-document.ts";
import type { SnapshotEntry } from "./snapshot-entry.ts";
import type { Storage } from "./storage/storage.ts";

/** Two that verify one snapshot at the same time meet once or twice; not this often. */
const ATTEMPTS = 5;
const MAX_BYTES = 512 * 1024 * 1024;

/**
 * Writes verified.json, without a lease, beside whoever else verifies the snapshot or prunes it: it replaces only what it
 * has seen, and never a fault that somebody else found meanwhile by its own success, which may have read other
 * artifacts: a proof that failed for them stays with the fault that is found now. Answers what is recorded. Of a snapshot that prune removes in the very moment a verified.json can stay; prune
 * counts that as a failed snapshot, and takes it away in its turn.
 * @throws NotFoundError when the snapshot is no more; StorageError | TransientError
 */
export async function recordVerification(
  storage: Storage,
  entry: SnapshotEntry,
  verification: Verification,
): Promise<Verification> {
  const { job, snapshot } = verification;
  const key = verifiedKey(job, snapshot);
  for (let attempt = 1; ; attempt += 1) {
    const { there, condition } = await found(storage, key);
    const isNew = there !== undefined && there.verifiedAt !== entry.verification?.verifiedAt;
    if (isNew && !there.ok && verification.ok) return there;
    if ((await storage.head(manifestKey(job, snapshot))) === undefined)
      throw new NotFoundError(`snapshot ${snapshot} of ${job} was removed while it was verified`);
    try {
      const whole = isNew ? withFailedProofs(verification, there) : verification;
      await putDocument(storage, key, documentBytes(whole), condition);
      return whole;
    } catch (error) {
      if (!isRefusal(error) || attempt === ATTEMPTS) throw error;
    }
  }
}

async function found(storage: Storage, key: string): Promise<{ there?: Verification; condition: Condition }> {
  try {
    const { content, version } = await storage.read(key, MAX_BYTES);
    const condition = { ifMatch: version };
    try {
      return { there: parseDocument(verificationSchema, key, content), condition };
    } catch (error) {
      if (error instanceof CodedError) return { condition };
      throw error;
    }
  } catch (error) {
    if (error instanceof NotFoundError) return { condition: { ifAbsent: true } };
    throw error;
  }
}
