import { secretOf } from "../../config/secret-fields.ts";
import { ConfigError } from "../../errors.ts";
import type { Storage } from "../../storage/storage.ts";
import { derivedKey } from "../age/aead.ts";
import type { Encryption, EncryptionContext } from "../encryption.ts";
import type { VeilFields } from "./options.ts";
import { veiledStorage } from "./veiled-storage.ts";

/** It is used as a key, so it must not be a word that can be guessed: 32 characters of base64 are 24 bytes. */
const MIN_LENGTH = 32;

/** The storage as the steps see it: as it is where the options give no names_key. @throws ConfigError `SECRET_MISSING` */
export async function openVeil(
  storage: Storage,
  options: VeilFields,
  encryption: () => Promise<Encryption>,
  { secrets }: EncryptionContext,
): Promise<Storage> {
  const reference = secretOf(options, "names_key");
  if (reference === undefined) return storage;
  const secret = await secrets.resolve(reference);
  if (secret.length < MIN_LENGTH) {
    const message = `names_key is too short: it must be ${MIN_LENGTH} random characters or more, as openssl rand -base64 32 prints them`;
    throw new ConfigError(message, { code: "SECRET_MISSING" });
  }
  const key = derivedKey(Buffer.from(secret), new Uint8Array(0), "core-backup/names_key");
  return veiledStorage(storage, { key, isWriting: options.encrypt_manifest === true, encryption });
}
