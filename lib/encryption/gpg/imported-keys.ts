export interface ImportedKey {
  /** Of the primary key. */
  readonly fingerprint: string;
  readonly isPrivate: boolean;
}

/** Of GnuPG's doc/DETAILS: what was imported held a private key. */
const CONTAINS_PRIVATE_KEY = 16;

/** What `gpg --import` says on its status channel. */
export function importedKeys(status: string): readonly ImportedKey[] {
  return [...status.matchAll(/^\[GNUPG:\] IMPORT_OK (\d+) ([0-9A-F]{40,64})$/gm)].map(([, how, fingerprint = ""]) => ({
    fingerprint,
    isPrivate: (Number(how) & CONTAINS_PRIVATE_KEY) !== 0,
  }));
}
