import { SourceError } from "../../errors.ts";
import type { Warning } from "../connector.ts";
import type { Account } from "./account.ts";
import type { Accounts } from "./accounts.ts";
import type { Content } from "./kinds/contents.ts";
import { granted, missingPermissions } from "./rights.ts";
import { type Api, openSession, type Waiting } from "./session.ts";

const DAY_MS = 86_400_000;
/** Two weeks are enough for whoever has to renew it. */
const EXPIRES_SOON_MS = 14 * DAY_MS;

export interface Preflight {
  readonly warnings: readonly Warning[];
  /** Those whose rights are not told, or not all of them: of Apps GitHub tells the permissions, of classic tokens the scopes alone. */
  readonly untold: readonly Untold[];
}

export interface Untold {
  readonly account: Account;
  /** Its scopes are told, and not what its user may do in each repository. */
  readonly isClassic: boolean;
}

/**
 * Asks GitHub who we are, which counts against no limit: what the credentials may not read, and when they end.
 * @throws SourceError `SOURCE_UNAUTHORIZED` where no credentials are accepted
 */
export async function preflight(
  api: Api,
  { app }: Accounts,
  kinds: readonly Content[],
  waiting: Waiting,
): Promise<Preflight> {
  const warnings: Warning[] = [];
  const untold: Untold[] = [];
  const refused: SourceError[] = [];
  for (const account of api.accounts) {
    const session = openSession({ ...api, accounts: [account] }, "preflight", waiting);
    // An Enterprise Server without limits answers 404, with the same headers.
    const answer = await session.get("/rate_limit").catch((error: unknown) => {
      if (!(error instanceof SourceError) || error.code !== "SOURCE_UNAUTHORIZED") throw error;
      refused.push(error);
    });
    if (answer === undefined) continue;
    const { headers } = answer;
    const ends = expiry(headers.get("github-authentication-token-expiration"));
    const left = ends === undefined ? undefined : ends.getTime() - api.now().getTime();
    if (ends !== undefined && left !== undefined && left < EXPIRES_SOON_MS) {
      const when = ends.toISOString().slice(0, 10);
      warnings.push({
        code: "SECRET_EXPIRES",
        message: `${account.name} ends on ${when}, in ${Math.max(0, Math.floor(left / DAY_MS))} days: renew it`,
      });
    }
    const scopes = headers.get("x-oauth-scopes");
    if (app === undefined) untold.push({ account, isClassic: scopes !== null });
    const missing =
      app === undefined
        ? scopes === null
          ? []
          : kinds.filter(({ scope }) => !granted(scope, scopes))
        : missingPermissions(kinds, await app.permissions(waiting.signal));
    if (missing.length === 0) continue;
    const named = missing.map(({ name, scope, permission }) => `${name} (${app === undefined ? scope : permission})`);
    warnings.push({ code: "GITHUB_RIGHTS", message: `${account.name} lacks the right to read ${named.join(", ")}` });
  }
  if (refused.length === api.accounts.length && refused[0] !== undefined) throw refused[0];
  const told = refused.map(({ message }) => ({
    code: "SECRET_REFUSED",
    message: `${message}; the other tokens do its work`,
  }));
  return { warnings: [...told, ...warnings], untold };
}

/** `2026-12-24 10:00:00 UTC`, or with an offset. */
function expiry(text: string | null): Date | undefined {
  const moment =
    text === null
      ? Number.NaN
      : Date.parse(
          text
            .replace(" UTC", "Z")
            .replace(
              /^(\S+) (\S+?)(Z| .*)$/,
              (_, day, clock, zone) => `${day}T${clock}${zone.trim().replace(/^([+-]\d{2})(\d{2})$/, "$1:$2")}`,
            ),
        );
  return Number.isNaN(moment) ? undefined : new Date(moment);
}
