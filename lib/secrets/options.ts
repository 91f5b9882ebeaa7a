import * as z from "zod";
import { localSecretFields, maybeSecretFields } from "../config/secret-fields.ts";

/** What an address must be, for the end of a sentence. */
export const AN_ADDRESS = "an address such as https://vault.example.com:8200, without user, query or fragment";

const {
  role_id_vault: _vault,
  role_id_secret: _secret,
  role_id_ssm: _ssm,
  ...roleIdFields
} = maybeSecretFields("role_id");

const mount = (fallback: string) =>
  z
    .string()
    .regex(/^[^\s/?#]+(?:\/[^\s/?#]+)*$/, {
      error: "must be a mount path such as team/approle, without slashes around it",
    })
    .default(fallback)
    .describe(`Where the auth method is mounted, below auth/. Default: ${fallback}.`);

const tokenAuth = z
  .strictObject({ type: z.literal("token"), ...localSecretFields("token") })
  .describe("A token that somebody else made and renews. Default: token_env: VAULT_TOKEN.");

const appRoleAuth = z
  .strictObject({
    type: z.literal("approle"),
    ...roleIdFields,
    ...localSecretFields("secret_id"),
    mount: mount("approle"),
  })
  .refine((auth) => (auth.role_id ?? auth.role_id_env ?? auth.role_id_file) !== undefined, {
    error: "needs role_id, role_id_env or role_id_file",
  })
  .refine((auth) => (auth.secret_id_env ?? auth.secret_id_file) !== undefined, {
    error: "needs secret_id_env or secret_id_file",
  })
  .describe("A role and its secret id, exchanged for a token.");

const kubernetesAuth = z
  .strictObject({
    type: z.literal("kubernetes"),
    role: z.string().min(1).describe("The role at the auth method, not a Kubernetes role."),
    token_file: localSecretFields("token").token_file,
    mount: mount("kubernetes"),
  })
  .describe(
    "The service account's token, exchanged for one of Vault. token_file: where Kubernetes mounts it, by default.",
  );

export const vaultSchema = z
  .strictObject({
    address: z
      .string()
      .refine((text) => vaultAddress(text) !== undefined, { error: `must be ${AN_ADDRESS}` })
      .optional()
      .describe("Address of the server, such as https://vault.example.com:8200."),
    address_env: z
      .string()
      .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, { error: "must be the name of an environment variable" })
      .optional()
      .describe("Environment variable that holds the address. Default: VAULT_ADDR."),
    namespace: z
      .string()
      .regex(/^[!-~]+$/, { error: "must be a namespace path such as team/backups" })
      .optional()
      .describe("Namespace, such as team/backups. Default: the variable VAULT_NAMESPACE."),
    ca_file: z
      .string()
      .min(1)
      .optional()
      .describe(
        "PEM file with the certificate authorities to trust, in place of the system's. Default: the variable VAULT_CACERT.",
      ),
    auth: z
      .discriminatedUnion("type", [tokenAuth, appRoleAuth, kubernetesAuth])
      .default({ type: "token" })
      .describe("How to be let in."),
  })
  .refine((vault) => vault.address === undefined || vault.address_env === undefined, {
    error: "address and address_env exclude each other",
    path: ["address_env"],
  })
  .describe("HashiCorp Vault or OpenBao, for fields that end in _vault. KV version 2.");

/** The top-level key `secrets`. */
export const secretsSchema = z.strictObject({ vault: vaultSchema.optional() }).describe("Where secrets come from.");

export type VaultOptions = z.infer<typeof vaultSchema>;

/** The address, or undefined when it is none. */
export function vaultAddress(text: string): URL | undefined {
  if (!URL.canParse(text)) return undefined;
  const url = new URL(text);
  const more = url.username + url.password + url.search + url.hash;
  return ["http:", "https:"].includes(url.protocol) && more === "" ? url : undefined;
}
