import * as z from "zod";
import { missing } from "./local.ts";
import type { LocalSecretReference } from "./secrets.ts";
import type { Send, VaultAnswer } from "./vault-send.ts";
import type { VaultLogin } from "./vault-settings.ts";

export interface VaultTokenOptions {
  readonly login: VaultLogin;
  readonly send: Send;
  /** Reads a secret of this machine anew, and makes it known to redaction. */
  readonly local: (reference: LocalSecretReference) => Promise<string>;
  /** Hears of a token that Vault issued, before it is used. */
  readonly onToken: (token: string) => void;
  /** How messages call the server. */
  readonly server: string;
}

/** One token, shared by all who read. */
export interface VaultToken {
  /** Logs in at the first call; `fresh` when this very call did. */
  current(): Promise<{ readonly token: string; readonly fresh: boolean }>;
  /** Logs in again, unless somebody else has done so since `refused` was current. */
  renew(refused: string): Promise<string>;
}

export function createVaultToken(options: VaultTokenOptions): VaultToken {
  let last: Promise<string> | undefined;

  function logIn(): Promise<string> {
    const attempt = login(options);
    last = attempt;
    attempt.catch(() => {
      if (last === attempt) last = undefined;
    });
    return attempt;
  }

  return {
    async current() {
      return last === undefined ? { token: await logIn(), fresh: true } : { token: await last, fresh: false };
    },
    async renew(refused) {
      const token = await (last ?? logIn());
      return token === refused ? logIn() : token;
    },
  };
}

async function login({ login: how, send, local, onToken, server }: VaultTokenOptions): Promise<string> {
  if (how.method === "token") return local(how.token);
  const body: Record<string, string> =
    how.method === "approle"
      ? { role_id: await local(how.roleId), secret_id: await local(how.secretId) }
      : { role: how.role, jwt: await local(how.token) };
  const path = `auth/${how.mount.split("/").map(encodeURIComponent).join("/")}/login`;
  const token = issuedToken(await send({ path, body }), how, server);
  onToken(token);
  return token;
}

const loginAnswer = z.object({ auth: z.object({ client_token: z.string().min(1) }) });

function issuedToken(answer: VaultAnswer, how: VaultLogin & { readonly mount: string }, server: string): string {
  const login = `the ${how.method} login at auth/${how.mount}`;
  if (answer.status === 404)
    throw missing(`${server} has no auth/${how.mount} for the ${how.method} login${answer.words}`);
  if (answer.status !== 200) throw missing(`${server} refuses ${login}: ${answer.status}${answer.words}`);
  const parsed = loginAnswer.safeParse(answer.body);
  if (!parsed.success) throw missing(`${server} answers ${login} without a token`);
  return parsed.data.auth.client_token;
}
