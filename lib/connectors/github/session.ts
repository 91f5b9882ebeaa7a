import { SourceError, TransientError } from "../../errors.ts";
import { backOff, sleepUnlessAborted } from "../../retry.ts";
import type { Account } from "./account.ts";
import type { Budget } from "./budget.ts";
import { accountChoice, type Choice, type ChoiceOptions } from "./choose-account.ts";
import { exchange, type Request } from "./exchange.ts";
import type { Gate } from "./gate.ts";
import { limitedUntil, noteLimits, serverFault } from "./limits.ts";
import { type Answer, messageOf } from "./response.ts";
import { barrierOf } from "./unreadable.ts";

/** What all that read from one GitHub share. */
export interface Api {
  /** Without a slash at the end: `https://api.github.com`. */
  readonly url: string;
  readonly accounts: readonly Account[];
  readonly gate: Gate;
  readonly budget: Budget;
  readonly now: () => Date;
}

/** What one unit, or the listing, has asked for. */
export interface Stats {
  requests: number;
  notModified: number;
  bytes: number;
  /** GraphQL counts points instead of requests. */
  points: number;
}

export interface GetOptions {
  readonly etag?: string | undefined;
  /** An answer that somebody else had a moment ago will not do. */
  readonly again?: boolean;
  /** What it is a part of: an account that is not shown this may be shown the rest. The path itself where nothing is said. */
  readonly topic?: string;
  /** A refusal by those accounts that are shown anything will do, where the others would have to be waited for. */
  readonly isOptional?: boolean;
}

export interface QuestionOptions extends Pick<GetOptions, "topic" | "isOptional"> {
  /** How often a fault that passes is waited out. */
  readonly attempts?: number;
  /** Whether an answer with status 200 is that this account may not see what is asked for. */
  readonly isRefusal?: (answer: Answer) => boolean;
}

export interface Session {
  readonly api: Api;
  readonly account: () => Account;
  readonly choice: Choice;
  readonly signal: AbortSignal;
  readonly stats: Stats;
  /**
   * One request and its answer, after whatever waiting and repeating it took: 200, 304, or a status from 400 on that repeating will
   * not mend. `to` is a path of the API, or a URL that it named.
   * @throws SourceError | TransientError | DeferredError
   */
  get(to: string, options?: GetOptions): Promise<Answer>;
  /**
   * One request for a file at the API's own host: 200 with its `body`, a redirect to where it lies, or a status from 400 on. Its faults are
   * for whoever reads the file to wait out.
   * @throws as `get` does
   */
  file(url: string): Promise<Answer>;
  /** One GraphQL question, which goes to the one URL that there is for them. */
  question(body: unknown, options?: QuestionOptions): Promise<Answer>;
  /** Whether a 401, the `refused`th in a row, may be no last word. Waits where that helps, forgets the token that was refused, or leaves the work to other accounts. */
  mayTryAgain(account: Account, refused: number): Promise<boolean>;
}

export interface Waiting {
  readonly signal: AbortSignal;
  defer(until: Date, why: string): Promise<void>;
}

const ATTEMPTS = 5;
const BACK_OFF = { attempts: ATTEMPTS, baseMs: 500, maxMs: 30_000 };
/** More "slow down" than this in a row, each of them honoured, is no limit but a wall. */
const MAX_LIMITED = 12;
const MAX_REDIRECTS = 5;
/** A token that was just made is not known to all of GitHub's servers at once. https://github.com/octokit/auth-app.js/issues/65 */
const FRESH_MS = 60_000;
const FRESH_TRIES = 4;
const FRESH_WAIT_MS = 1_500;

/** `key` and `isSteady` choose the account where there are several. */
export function openSession(
  api: Api,
  key: string,
  { signal, defer }: Waiting,
  { isSteady = false }: Pick<ChoiceOptions, "isSteady"> = {},
): Session {
  const stats: Stats = { requests: 0, notModified: 0, bytes: 0, points: 0 };
  const nowMs = () => api.now().getTime();
  const choice = accountChoice(api.accounts, { key, isSteady, nowMs });

  async function one(
    url: string,
    resource: string,
    request: Omit<Request, "authorization" | "signal">,
    { attempts = ATTEMPTS, topic = url, isOptional = false, isRefusal = () => false }: QuestionOptions = {},
  ): Promise<Answer> {
    let failures = 0;
    let limited = 0;
    let refused = 0;
    const lacking = new Map<Account, Answer>();
    for (;;) {
      const by = choice.of(resource, new Set(lacking.keys()), topic);
      const refusal = refusalOf(lacking);
      if (refusal !== undefined && isOptional && isBlocked(by, resource) && [...lacking.keys()].every(choice.hasSeen))
        return refusal;
      await turn(by, resource);
      let given: { readonly answer: Answer; readonly isLimited: boolean } | undefined;
      try {
        const authorization = await by.authorization(signal);
        given = await api.gate(async () => {
          // While this waited at the gate, the answers to others may have told of a limit.
          if (freeAt(by, resource) > nowMs()) return undefined;
          const answer = await exchange(url, { ...request, authorization, signal });
          return { answer, isLimited: noted(by, resource, request.what, answer, limited + 1) };
        });
      } catch (error) {
        failures += 1;
        if (!(error instanceof TransientError) || failures >= attempts) throw error;
        await backOff(failures, error, { ...BACK_OFF, signal, sleep: wait });
        continue;
      }
      if (given === undefined) continue;
      const { answer, isLimited } = given;
      if (isLimited) {
        limited += 1;
        if (limited > MAX_LIMITED)
          throw new TransientError("SOURCE_RATE_LIMITED", `GitHub goes on asking to slow down at ${request.what}`);
        continue;
      }
      if (answer.status === 401) {
        refused += 1;
        const mayAgain = await mayTryAgain(by, refused);
        const another = refusalOf(lacking);
        if (another !== undefined && isWithoutMore(lacking)) return another;
        if (mayAgain) continue;
        throw unauthorized(by, request.what, answer);
      }
      if (!isBarred(answer) && !isRefusal(answer)) {
        // A question is answered with 200 whatever is hidden.
        if (resource === "core") choice.saw(by);
        const blind = [...lacking].filter(([, { status }]) => status === 404).map(([one]) => one);
        choice.sawLess(blind, topic);
        return answer;
      }
      // A right is lost, and something is not there, where none of the accounts has it.
      lacking.set(by, answer);
      if (isWithoutMore(lacking)) return refusalOf(lacking) ?? answer;
    }
  }

  const isWithoutMore = (lacking: ReadonlyMap<Account, Answer>): boolean =>
    choice.isWithoutMore(new Set(lacking.keys()));

  /** Waits for the account's limits and the run's budget. */
  async function turn(by: Account, resource: string): Promise<void> {
    const blocked = by.limits.blockedUntil.get(resource) ?? 0;
    if (blocked > nowMs())
      await defer(
        new Date(blocked),
        `${api.budget.perAccount === undefined ? "" : "max_requests_per_hour, or "}GitHub's rate limit of ${by.name}`,
      );
    const free = api.budget.freeAt(nowMs());
    if (free > nowMs()) await defer(new Date(free), "max_requests_per_hour is used up");
  }

  /** Counts an answer, before the next request passes the gate. True where it is that we are too fast. @throws TransientError */
  function noted(by: Account, resource: string, what: string, answer: Answer, times: number): boolean {
    stats.requests += 1;
    stats.bytes += answer.bytes;
    const fault = serverFault(answer, what);
    if (fault !== undefined) throw fault;
    if (answer.status === 304) stats.notModified += 1;
    else api.budget.spend(nowMs());
    noteLimits(by, answer, nowMs(), api.budget.perAccount);
    return limitedUntil(by, answer, resource, times, nowMs()) !== undefined;
  }

  const isBlocked = (by: Account, resource: string): boolean => (by.limits.blockedUntil.get(resource) ?? 0) > nowMs();

  const freeAt = (by: Account, resource: string): number =>
    Math.max(by.limits.blockedUntil.get(resource) ?? 0, api.budget.freeAt(nowMs()));

  async function mayTryAgain(by: Account, refused: number): Promise<boolean> {
    const made = by.madeAt();
    if (made !== undefined && nowMs() - made < FRESH_MS && refused < FRESH_TRIES) {
      await wait(FRESH_WAIT_MS * refused);
      return true;
    }
    if (refused === 1 && by.renew()) return true;
    by.limits.isRefused = true;
    return !isSteady && api.accounts.some(({ limits }) => !limits.isRefused);
  }

  const wait = (ms: number): Promise<void> =>
    ms > FRESH_MS ? defer(new Date(nowMs() + ms), "GitHub asks to come back later") : sleepUnlessAborted(ms, signal);

  return {
    api,
    account: () => choice.of("core"),
    choice,
    signal,
    stats,
    mayTryAgain,
    async get(to, { etag, topic = to, isOptional = false } = {}) {
      const origin = new URL(api.url).origin;
      let url = to.startsWith("/") ? api.url + to : to;
      for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects += 1) {
        if (new URL(url).origin !== origin) throw elsewhere(url, to);
        const what = `GET ${url.startsWith(api.url) ? url.slice(api.url.length) : url}`;
        const request = { method: "GET", what, etag } as const;
        const answer = await one(url, "core", request, { topic, isOptional });
        const location = answer.headers.get("location");
        if (answer.status < 300 || answer.status >= 400 || answer.status === 304 || location === null) return answer;
        url = new URL(location, url).href;
      }
      throw new SourceError("SOURCE_REDIRECTED", `GitHub redirects GET ${to} in a circle`);
    },
    file: (url) =>
      one(
        url,
        "core",
        { method: "GET", what: `GET ${url.slice(api.url.length)}`, accept: "application/octet-stream", file: true },
        { attempts: 1 },
      ),
    question: (body, options) =>
      one(graphqlUrl(api.url), "graphql", { method: "POST", what: "POST /graphql", body }, options),
  };
}

/** https://docs.github.com/en/enterprise-server/graphql/guides/forming-calls-with-graphql#the-graphql-endpoint */
const graphqlUrl = (apiUrl: string): string =>
  apiUrl.endsWith("/api/v3") ? `${apiUrl.slice(0, -"v3".length)}graphql` : `${apiUrl}/graphql`;

/** GitHub hides what one may not see, so that a 404 may be a refusal, too. */
const isBarred = (answer: Answer): boolean =>
  (answer.status === 403 || answer.status === 404) && barrierOf(answer, "FORBIDDEN")?.barrier === "FORBIDDEN";

/** One that says that a right is missing tells more than one that hides something. */
const refusalOf = (lacking: ReadonlyMap<Account, Answer>): Answer | undefined => {
  const answers = [...lacking.values()];
  return answers.find(({ status }) => status === 403) ?? answers[0];
};

function unauthorized(account: Account, what: string, { json }: Answer): SourceError {
  return new SourceError(
    "SOURCE_UNAUTHORIZED",
    `GitHub does not accept the credentials of ${account.name} (401 for ${what}): ${messageOf(json)}`,
  );
}

function elsewhere(url: string, from: string): SourceError {
  return new SourceError(
    "SOURCE_REDIRECTED",
    `GET ${from} leads to another host, ${new URL(url).host}, which is not followed`,
  );
}
