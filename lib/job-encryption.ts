import type { Backup } from "./backup.ts";
import type { Job } from "./config/schema.ts";
import type { Encryption } from "./encryption/encryption.ts";
import { ConfigError } from "./errors.ts";
import type { Artifact } from "./manifest.ts";

/**
 * What a run of the job will encrypt with, opened before anything is read. @throws ConfigError for keys that cannot be
 * used, and for a private key that belongs to none of the recipients: nothing could be proved or restored with it
 */
export async function openedEncryption(backup: Backup, job: Job): Promise<Encryption | undefined> {
  const encryption = await backup.encryption(job);
  if (encryption === undefined) return undefined;
  const known = (await backup.decryption(job, encryption.type))?.knows(encryption.recipients);
  if (known?.length !== 0) return encryption;
  throw new ConfigError(
    `job ${job.name}: the private key under encryption belongs to none of its recipients (${encryption.recipients.join(", ")})`,
  );
}

/** Whether an artifact is encrypted as it would be now: for the same recipients, or not at all. */
export async function isEncryptedBy(encryption: Encryption | undefined, artifact: Artifact): Promise<boolean> {
  const stored = artifact.encryption;
  if (stored === null || encryption === undefined) return stored === null && encryption === undefined;
  return stored.type === encryption.type && encryption.isFor(stored.recipients);
}
