import { networkAgents } from "../network/agents.ts";
import { type AwsSecrets, createAwsSecrets } from "./aws.ts";
import { type Environment, filled, readLocalSecret } from "./local.ts";
import { type VaultOptions, vaultSchema } from "./options.ts";
import type { Redaction } from "./redaction.ts";
import { urlPasswords } from "./secret-forms.ts";
import type { KeptSecrets, LocalSecretReference, SecretReference, SecretResolver } from "./secrets.ts";
import { createVault, type Vault, type VaultDependencies } from "./vault.ts";
import { vaultSettings } from "./vault-settings.ts";

export interface SecretResolverOptions {
  readonly env: Environment;
  /** Without it the variables that Vault's own programs read are enough. */
  readonly vault?: VaultOptions | undefined;
  readonly redaction: Redaction;
  readonly signal: AbortSignal;
  /** What earlier invocations read of Vault and AWS. */
  readonly kept?: KeptSecrets | undefined;
  /** Reaches Vault and AWS without the proxy of the process. */
  readonly direct?: boolean;
  /** How Vault is reached, where that is not by the network. */
  readonly overVault?: Pick<VaultDependencies, "exchange" | "sleep">;
}

/** Resolves each reference once; a failure is not kept, so the next call tries again. */
export function createSecretResolver(options: SecretResolverOptions): SecretResolver {
  const { env, redaction, signal } = options;
  const agents = options.direct === true ? networkAgents({ proxies: {} }) : undefined;
  const resolved = new Map<string, Promise<string>>();
  let vault: Vault | undefined;
  let aws: AwsSecrets | undefined;

  async function local(reference: LocalSecretReference): Promise<string> {
    const value = await readLocalSecret(reference, env);
    hide(reference, value);
    return value;
  }

  // A literal is a bucket or a user that logs may name, unless it is a URL with a password.
  function hide({ from }: SecretReference, value: string): void {
    if (from !== "literal" || urlPasswords(value).length > 0) redaction.add(value);
  }

  async function remote(reference: string): Promise<string> {
    vault ??= createVault(vaultSettings(options.vault ?? vaultSchema.parse({}), env), {
      ...options.overVault,
      local,
      redaction,
      signal,
      agents,
    });
    return filled(await vault.read(reference), `the Vault secret ${reference}`);
  }

  function read(reference: SecretReference): Promise<string> {
    switch (reference.from) {
      case "vault":
        return remote(reference.reference);
      case "secret":
      case "ssm":
        aws ??= createAwsSecrets(signal, agents);
        return aws.read(reference);
      default:
        return readLocalSecret(reference, env);
    }
  }

  /** What lies on this machine costs nothing to read. */
  async function keptOrRead(key: string, reference: SecretReference): Promise<string> {
    const { kept } = options;
    if (kept === undefined || !["vault", "secret", "ssm"].includes(reference.from)) return read(reference);
    const before = kept.get(key);
    if (before !== undefined) return before;
    const value = await read(reference);
    kept.set(key, value);
    return value;
  }

  return {
    async resolve(reference, { isSecret } = { isSecret: true }) {
      const key = JSON.stringify(reference);
      const before = resolved.get(key);
      const reading = before ?? keptOrRead(key, reference);
      if (before === undefined) {
        resolved.set(key, reading);
        reading.catch(() => resolved.delete(key));
      }
      const value = await reading;
      if (isSecret) hide(reference, value);
      return value;
    },
  };
}
