import type { Backup } from "./backup.ts";
import type { Job } from "./config/schema.ts";
import type { Decryption, EncryptionType } from "./encryption/encryption.ts";
import type { Artifact } from "./manifest.ts";

/** What is at hand to open some artifacts with. */
export interface Decryptions {
  /** Undefined for an artifact that is not encrypted, and for a sealed one. */
  of(artifact: Artifact): Decryption | undefined;
  /** True when it is encrypted and there is no private key of its type. */
  isSealed(artifact: Artifact): boolean;
  /** True when a private key at hand belongs to one of its recipients, so that it has to open. */
  mustOpen(artifact: Artifact): boolean;
}

/** Opens the private sides that these artifacts need. @throws ConfigError for a key that cannot be read */
export async function decryptionsFor(backup: Backup, job: Job, artifacts: readonly Artifact[]): Promise<Decryptions> {
  const opened = new Map<EncryptionType, Decryption>();
  const types = new Set(artifacts.flatMap(({ encryption }) => (encryption === null ? [] : [encryption.type])));
  for (const type of types) {
    const decryption = await backup.decryption(job, type);
    if (decryption !== undefined) opened.set(type, decryption);
  }
  return {
    of: ({ encryption }) => (encryption === null ? undefined : opened.get(encryption.type)),
    isSealed: ({ encryption }) => encryption !== null && !opened.has(encryption.type),
    mustOpen: ({ encryption }) =>
      encryption !== null && (opened.get(encryption.type)?.knows(encryption.recipients) ?? []).length > 0,
  };
}
