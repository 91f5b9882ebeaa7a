import * as z from "zod";
import { ConfigError } from "../errors.ts";
import { age } from "./age/age.ts";
import { ageOptions } from "./age/options.ts";
import type { Decryption, Encryption, EncryptionContext, EncryptionType, PrivateKeys } from "./encryption.ts";
import { gpg } from "./gpg/gpg.ts";
import { gpgOptions } from "./gpg/options.ts";

/** What `encryption:` of a job may hold, told apart by `type`. */
export const encryptionSchema = z.discriminatedUnion("type", [ageOptions, gpgOptions]);

export type EncryptionOptions = z.infer<typeof encryptionSchema>;

/** @throws ConfigError naming the key that cannot be used */
export async function openEncryption(options: EncryptionOptions, context: EncryptionContext): Promise<Encryption> {
  return options.type === "age" ? age.encryption(options, context) : gpg.encryption(options, context);
}

/**
 * The private side for artifacts of a type: the keys that were given by hand, or those that the job's options refer to.
 * Undefined where neither is there. @throws ConfigError when they cannot be read, or are of another type
 */
export async function openDecryption(
  type: EncryptionType,
  options: EncryptionOptions | undefined,
  given: PrivateKeys | undefined,
  context: EncryptionContext,
): Promise<Decryption | undefined> {
  const keys = given ?? (options?.type === type ? await referredKeys(options, context) : undefined);
  if (keys === undefined) return undefined;
  const decryption = await (type === "age" ? age : gpg).decryption(keys, context);
  if (decryption !== undefined) return decryption;
  throw new ConfigError(`${keys.source} holds no private key of ${type}`, { code: "SECRET_MISSING" });
}

const referredKeys = (options: EncryptionOptions, context: EncryptionContext): Promise<PrivateKeys | undefined> =>
  options.type === "age" ? age.privateKeys(options, context) : gpg.privateKeys(options, context);
