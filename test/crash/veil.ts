import type { Encryption } from "../../lib/encryption/encryption.ts";
import { veiledStorage } from "../../lib/encryption/veil/veiled-storage.ts";
import type { Storage } from "../../lib/storage/storage.ts";

export const VEIL_KEY = new Uint8Array(32).fill(9);

/** In the clear here: they are objects like others, and X25519 would take longer than all the rest. */
const ownersCopy: Encryption = {
  type: "age",
  recipients: [],
  isFor: async () => true,
  encrypt: (plain) => plain,
  restoreCommand: () => "",
  close: async () => {},
};

/** The storage with `encrypt_manifest`, for who has the names key. */
export const veil = (storage: Storage): Storage =>
  veiledStorage(storage, { key: VEIL_KEY, isWriting: true, encryption: async () => ownersCopy });
