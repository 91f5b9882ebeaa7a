import * as z from "zod";
import { SourceError } from "../../errors.ts";
import type { SecretReference } from "../../secrets/secrets.ts";
import type { ConnectorContext } from "../connector.ts";
import { type Account, basicOf, freshLimits } from "./account.ts";
import { appJwt } from "./app-jwt.ts";
import { exchange } from "./exchange.ts";
import { passingFault } from "./limits.ts";
import { messageOf } from "./response.ts";

export interface AppOptions {
  readonly id: string;
  readonly privateKey: SecretReference;
  readonly installationId: number | undefined;
  /** Whose installation is looked for where none is named. */
  readonly owner: { readonly kind: "orgs" | "users"; readonly name: string } | undefined;
}

export interface AppAccount extends Account {
  /** What the installation may do: `issues: read`. */
  permissions(signal: AbortSignal): Promise<Readonly<Record<string, string>>>;
}

const tokenSchema = z.object({
  token: z.string().min(1),
  expires_at: z.string(),
  permissions: z.record(z.string(), z.string()).default({}),
});
const installationSchema = z.object({ id: z.int() });
const reachSchema = z.object({
  account: z.object({ login: z.string() }),
  repository_selection: z.enum(["all", "selected"]),
  /** Without this one it is shown what is public, and is for all of them still. */
  permissions: z.object({ metadata: z.string().optional() }),
  suspended_at: z.string().nullish(),
});

/** A token lives an hour, and a git transfer that begins with it must outlast its checks. */
const SPARE_MS = 10 * 60_000;

/** Tokens of a GitHub App's installation, made when needed and renewed in the middle of a run. */
export function appAccount(app: AppOptions, apiUrl: string, context: ConnectorContext): AppAccount {
  const { secrets, redaction, now } = context;
  let current: Promise<{ token: string; until: number; made: number; permissions: Record<string, string> }> | undefined;
  let made: number | undefined;

  async function asApp(method: "GET" | "POST", path: string, signal: AbortSignal): Promise<unknown> {
    const jwt = appJwt(app.id, await secrets.resolve(app.privateKey), now());
    redaction.add(jwt);
    const what = `${method} ${path}`;
    const answer = await exchange(apiUrl + path, { method, authorization: `Bearer ${jwt}`, what, signal });
    const { status, json } = answer;
    if (status === 200 || status === 201) return json;
    const passing = passingFault(answer, what, now().getTime());
    if (passing !== undefined) throw passing;
    const code = status === 401 ? "SOURCE_UNAUTHORIZED" : status === 404 ? "SOURCE_NOT_FOUND" : "SOURCE_FORBIDDEN";
    throw new SourceError(code, `GitHub refuses the App ${app.id} ${what} (${status}): ${messageOf(json)}`);
  }

  async function make(signal: AbortSignal) {
    const id = await installationId(signal);
    const path = `/app/installations/${id}/access_tokens`;
    const answer = described(tokenSchema, `POST ${path}`, await asApp("POST", path, signal));
    redaction.add(answer.token);
    made = now().getTime();
    const { token, permissions } = answer;
    return { token, until: Date.parse(answer.expires_at), made, permissions };
  }

  const installationId = async (signal: AbortSignal): Promise<number> =>
    app.installationId ?? (await installationOf(signal));

  async function installationOf(signal: AbortSignal): Promise<number> {
    if (app.owner === undefined) {
      throw new SourceError(
        "SOURCE_NOT_FOUND",
        "name the App's installation_id: without an organization or user it cannot be found",
      );
    }
    const { kind, name } = app.owner;
    const path = `/${kind}/${encodeURIComponent(name)}/installation`;
    return described(installationSchema, `GET ${path}`, await asApp("GET", path, signal)).id;
  }

  async function usable(signal: AbortSignal) {
    const held = await current?.catch(() => undefined);
    if (held !== undefined && held.until - now().getTime() > SPARE_MS) return held;
    current = make(signal);
    return current;
  }

  return {
    name: `app ${app.id}`,
    authorization: async (signal) => `Bearer ${(await usable(signal)).token}`,
    async basic(signal) {
      const value = basicOf((await usable(signal)).token);
      redaction.add(value.slice("Basic ".length));
      return value;
    },
    renew() {
      current = undefined;
      return true;
    },
    async seesAllOf(owner, signal) {
      const path = `/app/installations/${await installationId(signal)}`;
      const installation = described(reachSchema, `GET ${path}`, await asApp("GET", path, signal));
      const { account, repository_selection: selection, permissions, suspended_at: suspendedAt } = installation;
      if (account.login.toLowerCase() !== owner.toLowerCase()) return false;
      return selection === "all" && permissions.metadata !== undefined && (suspendedAt ?? null) === null;
    },
    madeAt: () => made,
    permissions: async (signal) => (await usable(signal)).permissions,
    limits: freshLimits(),
  };
}

/** An answer without a token is no token, and may hold what is none of an error's to tell. */
function described<T>(schema: z.ZodType<T>, what: string, json: unknown): T {
  const { data, error } = schema.safeParse(json);
  if (error === undefined) return data as T;
  const fields = error.issues.map(({ path }) => path.join(".") || "the whole").join(", ");
  throw new SourceError("SOURCE_PROTOCOL", `GitHub answers ${what} otherwise than described: ${fields}`);
}
