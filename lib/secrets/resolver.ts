import { type Environment, filled, readLocalSecret } from "./local.ts";
import { type VaultOptions, vaultSchema } from "./options.ts";
import type { Redaction } from "./redaction.ts";
import { urlPasswords } from "./secret-forms.ts";
import type { LocalSecretReference, SecretResolver } from "./secrets.ts";
import { createVault, type Vault, type VaultDependencies } from "./vault.ts";
import { vaultSettings } from "./vault-settings.ts";

export interface SecretResolverOptions {
  readonly env: Environment;
  /** Without it the variables that Vault's own programs read are enough. */
  readonly vault?: VaultOptions | undefined;
  readonly redaction: Redaction;
  readonly signal: AbortSignal;
  /** How Vault is reached, where that is not by the network. */
  readonly overVault?: Pick<VaultDependencies, "exchange" | "sleep">;
}

/** Resolves each reference once; a failure is not kept, so the next call tries again. */
export function createSecretResolver(options: SecretResolverOptions): SecretResolver {
  const { env, redaction, signal } = options;
  const resolved = new Map<string, Promise<string>>();
  let vault: Vault | undefined;

  async function local(reference: LocalSecretReference): Promise<string> {
    const value = await readLocalSecret(reference, env);
    // A literal is a bucket or a user that logs may name, unless it is a URL with a password.
    if (reference.from !== "literal" || urlPasswords(value).length > 0) redaction.add(value);
    return value;
  }

  async function remote(reference: string): Promise<string> {
    vault ??= createVault(vaultSettings(options.vault ?? vaultSchema.parse({}), env), {
      ...options.overVault,
      local,
      redaction,
      signal,
    });
    const value = filled(await vault.read(reference), `the Vault secret ${reference}`);
    redaction.add(value);
    return value;
  }

  return {
    async resolve(reference) {
      const key = JSON.stringify(reference);
      const before = resolved.get(key);
      if (before !== undefined) return before;
      const value = reference.from === "vault" ? remote(reference.reference) : local(reference);
      resolved.set(key, value);
      value.catch(() => resolved.delete(key));
      return value;
    },
  };
}
