import { secretOf } from "../config/secret-fields.ts";
import { ConfigError } from "../errors.ts";
import type { Environment } from "./local.ts";
import { AN_ADDRESS, type VaultOptions, vaultAddress } from "./options.ts";
import type { LocalSecretReference, SecretReference } from "./secrets.ts";

/** How to be let in: which secrets of this machine are exchanged for a token, and where. */
export type VaultLogin =
  | { readonly method: "token"; readonly token: LocalSecretReference }
  | {
      readonly method: "approle";
      readonly mount: string;
      readonly roleId: LocalSecretReference;
      readonly secretId: LocalSecretReference;
    }
  | {
      readonly method: "kubernetes";
      readonly mount: string;
      readonly role: string;
      readonly token: LocalSecretReference;
    };

export interface VaultSettings {
  readonly address: URL;
  readonly namespace: string | undefined;
  readonly caFile: string | undefined;
  readonly login: VaultLogin;
}

const SERVICE_ACCOUNT_TOKEN = "/var/run/secrets/kubernetes.io/serviceaccount/token";

/** The options with what they leave out taken from the variables that Vault's own programs read. @throws ConfigError */
export function vaultSettings(options: VaultOptions, env: Environment): VaultSettings {
  return {
    address: address(options, env),
    namespace: options.namespace ?? filledVariable(env, "VAULT_NAMESPACE"),
    caFile: options.ca_file ?? filledVariable(env, "VAULT_CACERT"),
    login: login(options.auth),
  };
}

function address(options: VaultOptions, env: Environment): URL {
  const name = options.address_env ?? "VAULT_ADDR";
  const text = options.address ?? filledVariable(env, name);
  if (text === undefined) {
    throw new ConfigError(
      `the address of Vault is not known: set secrets.vault.address, or the environment variable ${name}`,
    );
  }
  const url = vaultAddress(text);
  if (url === undefined) throw new ConfigError(`the environment variable ${name} must be ${AN_ADDRESS}`);
  return url;
}

function login(auth: VaultOptions["auth"]): VaultLogin {
  switch (auth.type) {
    case "token":
      return { method: "token", token: local(secretOf(auth, "token")) ?? { from: "env", name: "VAULT_TOKEN" } };
    case "kubernetes": {
      const token = local(secretOf(auth, "token")) ?? { from: "file", path: SERVICE_ACCOUNT_TOKEN };
      return { method: "kubernetes", mount: auth.mount, role: auth.role, token };
    }
    case "approle": {
      const roleId = local(secretOf(auth, "role_id"));
      const secretId = local(secretOf(auth, "secret_id"));
      if (roleId === undefined || secretId === undefined)
        throw new ConfigError("approle needs a role id and a secret id");
      return { method: "approle", mount: auth.mount, roleId, secretId };
    }
  }
}

/** What opens the vault cannot be in it, nor in another one; the schema has no such field. */
function local(reference: SecretReference | undefined): LocalSecretReference | undefined {
  switch (reference?.from) {
    case "vault":
    case "secret":
    case "ssm":
      return undefined;
    default:
      return reference;
  }
}

/** An empty variable counts as unset, as it does for Vault's own programs. */
function filledVariable(env: Environment, name: string): string | undefined {
  const value = Object.hasOwn(env, name) ? env[name] : undefined;
  return value === "" ? undefined : value;
}
