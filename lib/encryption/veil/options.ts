import * as z from "zod";
import { secretFields, secretOf } from "../../config/secret-fields.ts";

/** What every kind of encryption takes, to hide the names of units as well. */
export const veilFields = {
  encrypt_manifest: z
    .boolean()
    .optional()
    .describe("Encrypt manifests, plans and the names of artifacts too. Needs names_key. Default: false."),
  ...secretFields("names_key"),
};

export type VeilFields = z.infer<z.ZodObject<typeof veilFields>>;

/** For the end of a sentence; undefined where nothing is wrong. */
export function veilFault(options: VeilFields): string | undefined {
  return options.encrypt_manifest === true && secretOf(options, "names_key") === undefined
    ? "has encrypt_manifest, which needs names_key_env, names_key_file or another form of names_key"
    : undefined;
}
