import type { Backup } from "./backup.ts";
import { bytesOf } from "./bytes.ts";
import type { Job } from "./config/schema.ts";
import { type Decryption, DecryptionFault, type Encryption } from "./encryption/encryption.ts";
import { ConfigError, EncryptionError } from "./errors.ts";
import type { Artifact } from "./manifest.ts";

/**
 * What a run of the job will encrypt with, opened before anything is read. @throws ConfigError for keys that cannot be
 * used, and for a private key that belongs to none of the recipients, or does not open what is encrypted for them (a wrong
 * passphrase): nothing could be proved or restored with it
 */
export async function openedEncryption(backup: Backup, job: Job): Promise<Encryption | undefined> {
  const encryption = await backup.encryption(job);
  if (encryption === undefined) return undefined;
  const decryption = await backup.decryption(job, encryption.type);
  const known = decryption?.knows(encryption.recipients);
  // Without keys there is nothing to try; one passphrase, for both ways, cannot differ from itself.
  if (decryption === undefined || known === undefined) return encryption;
  const fault = (what: string) => new ConfigError(`job ${job.name}: the private key under encryption ${what}`);
  const recipients = encryption.recipients.join(", ");
  if (known.length === 0) throw fault(`belongs to none of its recipients (${recipients})`);
  const failed = await trialFailure(encryption, decryption);
  if (failed !== undefined) throw fault(`does not open what is encrypted for ${recipients}: a trial message ${failed}`);
  return encryption;
}

/** Whether an artifact is encrypted as it would be now: for the same recipients, or not at all. */
export async function isEncryptedBy(encryption: Encryption | undefined, artifact: Artifact): Promise<boolean> {
  const stored = artifact.encryption;
  if (stored === null || encryption === undefined) return stored === null && encryption === undefined;
  return stored.type === encryption.type && encryption.isFor(stored.recipients);
}

/** A key may be the right one and be of no use: its passphrase is wrong, or the part of it that decrypts is missing. */
async function trialFailure(encryption: Encryption, decryption: Decryption): Promise<string | undefined> {
  try {
    for await (const _ of decryption.decrypt(encryption.encrypt(bytesOf("a trial"))));
    return undefined;
  } catch (error) {
    const isTelling = error instanceof DecryptionFault || (error instanceof EncryptionError && error.code === "SEALED");
    if (isTelling) return error.message;
    throw error;
  }
}
