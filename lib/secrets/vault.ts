import type { Agents } from "../network/agents.ts";
import type { Redaction } from "./redaction.ts";
import type { LocalSecretReference } from "./secrets.ts";
import { createExchange, type Exchange } from "./vault-exchange.ts";
import { dataPath, kvMountLength, type Mount, mountIn, parseReference, removal, secretField } from "./vault-kv.ts";
import { createSend, type SendOptions, serverName, type VaultAnswer } from "./vault-send.ts";
import type { VaultSettings } from "./vault-settings.ts";
import { createVaultToken } from "./vault-token.ts";

/** Reads fields of KV version 2 secrets in HashiCorp Vault or OpenBao. */
export interface Vault {
  /** `mount/path#field`; the mount may have slashes itself. @throws ConfigError `SECRET_MISSING` | TransientError */
  read(reference: string): Promise<string>;
}

export interface VaultDependencies {
  /** Reads a secret of this machine anew, and makes it known to redaction. */
  readonly local: (reference: LocalSecretReference) => Promise<string>;
  readonly redaction: Redaction;
  readonly signal: AbortSignal;
  /** Default: those of the process. */
  readonly agents?: Agents | undefined;
  readonly exchange?: Exchange;
  readonly sleep?: SendOptions["sleep"];
}

export function createVault(settings: VaultSettings, dependencies: VaultDependencies): Vault {
  const { local, redaction, signal, sleep } = dependencies;
  const server = serverName(settings);
  const exchange = dependencies.exchange ?? createExchange(settings.caFile, signal, { agents: dependencies.agents });
  const send = createSend(settings, { exchange, redaction, signal, sleep });
  const onToken = (token: string) => redaction.add(token);
  const tokens = createVaultToken({ login: settings.login, send, local, onToken, server });

  /** An expired token and a missing right are one answer, 403: with a token that was not just issued, it is worth another login. */
  async function get(path: readonly string[]): Promise<VaultAnswer> {
    const { token, fresh } = await tokens.current();
    const answer = await send({ path: encoded(path), token });
    if (answer.status !== 403 || fresh) return answer;
    const renewed = await tokens.renew(token);
    return renewed === token ? answer : send({ path: encoded(path), token: renewed });
  }

  /** Undefined where nothing is mounted, and for a token with no right at all below the mount. */
  async function mountOf(path: readonly string[]): Promise<Mount | undefined> {
    const { token } = await tokens.current();
    const { body } = await send({ path: `sys/internal/ui/mounts/${encoded(path)}`, token });
    return mountIn(body);
  }

  return {
    async read(reference) {
      const { path, field } = parseReference(reference);
      let mountLength = 1;
      let answer = await get(dataPath(path, mountLength));
      if (answer.status === 403 || (answer.status === 404 && removal(answer) === undefined)) {
        // The mount may be longer than one segment, or of another kind: this is how Vault's own program finds out.
        const mount = await mountOf(path);
        if (mount !== undefined) mountLength = kvMountLength(mount, server, path);
        if (mountLength > 1) answer = await get(dataPath(path, mountLength));
      }
      return secretField(answer, { server, path, mountLength, field });
    },
  };
}

const encoded = (path: readonly string[]): string => path.map(encodeURIComponent).join("/");
