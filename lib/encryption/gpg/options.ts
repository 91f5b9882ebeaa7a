import * as z from "zod";
import { secretFields, secretOf } from "../../config/secret-fields.ts";
import { veilFault, veilFields } from "../veil/options.ts";

const publicKey = z
  .string()
  .refine((text) => !text.includes("PRIVATE KEY"), {
    error: "must be a public key, and this is a private one",
    abort: true,
  })
  .refine((text) => text.trimStart().startsWith("-----BEGIN PGP PUBLIC KEY BLOCK-----"), {
    error: "must be an armored public key, as gpg --armor --export prints it",
  });

export const gpgOptions = z
  .strictObject({
    type: z.literal("gpg").describe("An OpenPGP message, made by the program gpg, which also decrypts it."),
    public_keys: z
      .array(publicKey)
      .min(1)
      .optional()
      .describe("Public keys, armored. Each of their private keys can decrypt by itself."),
    public_keys_file: z
      .string()
      .min(1)
      .optional()
      .describe("File with public keys, relative to the configuration's folder. Adds to public_keys."),
    ...secretFields("private_key"),
    ...secretFields("private_key_passphrase"),
    ...veilFields,
  })
  .superRefine((options, context) => {
    const fault = veilFault(options);
    if (fault !== undefined) context.addIssue({ code: "custom", message: fault });
    if (options.public_keys === undefined && options.public_keys_file === undefined) {
      context.addIssue({ code: "custom", message: "needs public_keys or public_keys_file" });
    }
    if (secretOf(options, "private_key_passphrase") !== undefined && secretOf(options, "private_key") === undefined) {
      context.addIssue({ code: "custom", message: "has a passphrase for a private key, and no private key" });
    }
  })
  .describe("Encryption with OpenPGP.");

export type GpgOptions = z.infer<typeof gpgOptions>;
