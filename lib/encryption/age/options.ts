import * as z from "zod";
import { secretFields, secretOf } from "../../config/secret-fields.ts";
import { veilFault, veilFields } from "../veil/options.ts";
import { recipientFault } from "./recipients.ts";

const recipient = z.string().superRefine((text, context) => {
  const message = recipientFault(text);
  if (message !== undefined) context.addIssue({ code: "custom", message });
});

export const ageOptions = z
  .strictObject({
    type: z.literal("age").describe("A file of age (https://age-encryption.org), which the program age decrypts."),
    recipients: z
      .array(recipient)
      .min(1)
      .optional()
      .describe("Public keys, age1…. Each of their private keys can decrypt by itself."),
    recipients_file: z
      .string()
      .min(1)
      .optional()
      .describe("File with public keys, one a line, relative to the configuration's folder. Adds to recipients."),
    ...secretFields("passphrase"),
    ...secretFields("identity"),
    ...veilFields,
  })
  .superRefine((options, context) => {
    const fault = veilFault(options);
    if (fault !== undefined) context.addIssue({ code: "custom", message: fault });
    const hasRecipients = options.recipients !== undefined || options.recipients_file !== undefined;
    const hasPassphrase = secretOf(options, "passphrase") !== undefined;
    if (!hasRecipients && !hasPassphrase) {
      const message =
        "needs recipients, recipients_file, or a passphrase by passphrase_env, passphrase_file or passphrase_vault";
      context.addIssue({ code: "custom", message });
    } else if (hasRecipients && hasPassphrase) {
      context.addIssue({
        code: "custom",
        message: "takes recipients or a passphrase, not both: a file of age has one or the other",
      });
    } else if (hasPassphrase && secretOf(options, "identity") !== undefined) {
      context.addIssue({ code: "custom", message: "takes no identity with a passphrase, which decrypts as well" });
    }
  })
  .describe("Encryption with age.");

export type AgeOptions = z.infer<typeof ageOptions>;
