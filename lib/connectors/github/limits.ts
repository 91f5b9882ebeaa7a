import { TransientError } from "../../errors.ts";
import { retryAfterMs } from "../../retry-after.ts";
import type { Account } from "./account.ts";
import { type Answer, messageOf } from "./response.ts";

/** https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api#handle-rate-limit-errors-appropriately */
const SECONDARY_MS = 60_000;
const SECONDARY_MAX_MS = 16 * 60_000;
/** What is counted apart, and asked for here. */
const RESOURCES = ["core", "graphql"] as const;
/** The end of a window is told in whole seconds, by another clock. */
const AFTER_RESET_MS = 1_000;

/** Writes down what an answer says of the limits. Every answer is to be shown to it. `atMost`: so many requests are enough, though GitHub would take more. */
export function noteLimits(
  account: Account,
  { headers }: Pick<Answer, "headers">,
  nowMs: number,
  atMost?: number | undefined,
): void {
  const remaining = numberOf(headers.get("x-ratelimit-remaining"));
  const limit = numberOf(headers.get("x-ratelimit-limit"));
  const reset = numberOf(headers.get("x-ratelimit-reset"));
  if (remaining === undefined) return;
  const resource = headers.get("x-ratelimit-resource") ?? "core";
  account.limits.remaining.set(resource, remaining);
  // GraphQL counts points, which are no requests.
  const isEnough = atMost !== undefined && limit !== undefined && resource === "core" && limit - remaining >= atMost;
  if ((remaining > 0 && !isEnough) || reset === undefined) return;
  block(account, resource, resetMoment(reset, nowMs));
}

/**
 * The moment from which GitHub lets us go on, when the answer is that we are too fast; else undefined. `times` counts such
 * answers to one request: a wait that GitHub does not name grows with them.
 */
export function limitedUntil(
  account: Account,
  answer: Answer,
  resource: string,
  times: number,
  nowMs: number,
): number | undefined {
  const limit = limitOf(answer, times, nowMs);
  if (limit === undefined) return undefined;
  // A secondary limit is the user's, whatever was asked for when it was met.
  for (const one of limit.isSecondary ? RESOURCES : [resource]) block(account, one, limit.until);
  return limit.until;
}

/** What passes by itself of an answer to a request without an account, such as an App's own for a token; undefined for a last word. */
export function passingFault(answer: Answer, what: string, nowMs: number): TransientError | undefined {
  const limit = limitOf(answer, 1, nowMs);
  if (limit === undefined) return serverFault(answer, what);
  const retryAfter = { retryAfterMs: limit.until - nowMs };
  return new TransientError("SOURCE_RATE_LIMITED", `GitHub asks to slow down at ${what}`, retryAfter);
}

/** Undefined where the server could answer. */
export function serverFault({ status, headers }: Answer, what: string): TransientError | undefined {
  if (status < 500 && status !== 408) return undefined;
  const retryAfter = { retryAfterMs: retryAfterMs(headers.get("retry-after")) };
  return new TransientError("SOURCE_UNAVAILABLE", `GitHub answers ${what} with ${status}`, retryAfter);
}

interface Limit {
  readonly until: number;
  /** Of all that the user does, and not of the one resource whose hour is used up. */
  readonly isSecondary: boolean;
}

function limitOf(answer: Answer, times: number, nowMs: number): Limit | undefined {
  const { status, headers } = answer;
  const isOfGraphql = status === 200 && isGraphqlLimit(answer.json);
  if (status !== 403 && status !== 429 && !isOfGraphql) return undefined;
  const retryAfter = headers.get("retry-after");
  const reset = numberOf(headers.get("x-ratelimit-reset"));
  const isUsedUp = headers.get("x-ratelimit-remaining") === "0";
  if (retryAfter !== null) return { until: nowMs + retryAfterMs(retryAfter), isSecondary: !isUsedUp };
  if (isUsedUp && reset !== undefined) return { until: resetMoment(reset, nowMs), isSecondary: false };
  if (status !== 429 && !isOfGraphql && !/rate limit|abuse detection/i.test(messageOf(answer.json))) return undefined;
  const wait = Math.min(SECONDARY_MS * 2 ** (times - 1), SECONDARY_MAX_MS);
  return { until: nowMs + wait, isSecondary: !isOfGraphql };
}

/** GraphQL says so with status 200. https://docs.github.com/en/graphql/overview/rate-limits-and-query-limits-for-the-graphql-api */
function isGraphqlLimit(json: unknown): boolean {
  const errors = typeof json === "object" && json !== null && "errors" in json ? json.errors : undefined;
  return (
    Array.isArray(errors) &&
    errors.some(
      (error: unknown) => typeof error === "object" && error !== null && Reflect.get(error, "type") === "RATE_LIMITED",
    )
  );
}

const resetMoment = (resetSeconds: number, nowMs: number): number =>
  Math.max(nowMs, resetSeconds * 1000 + AFTER_RESET_MS);

function block(account: Account, resource: string, until: number): void {
  const before = account.limits.blockedUntil.get(resource) ?? 0;
  account.limits.blockedUntil.set(resource, Math.max(before, until));
}

function numberOf(value: string | null): number | undefined {
  return value !== null && /^\d+$/.test(value) ? Number(value) : undefined;
}
