import { retryAfterMs } from "../../retry-after.ts";
import type { Account } from "./account.ts";
import { type Answer, messageOf } from "./response.ts";

/** https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api#handle-rate-limit-errors-appropriately */
const SECONDARY_MS = 60_000;
const SECONDARY_MAX_MS = 16 * 60_000;
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
  const { status, headers } = answer;
  const isOfGraphql = status === 200 && isGraphqlLimit(answer.json);
  if (status !== 403 && status !== 429 && !isOfGraphql) return undefined;
  const retryAfter = headers.get("retry-after");
  const reset = numberOf(headers.get("x-ratelimit-reset"));
  let until: number | undefined;
  if (retryAfter !== null) until = nowMs + retryAfterMs(retryAfter);
  else if (headers.get("x-ratelimit-remaining") === "0" && reset !== undefined) until = resetMoment(reset, nowMs);
  else if (status === 429 || isOfGraphql || /rate limit|abuse detection/i.test(messageOf(answer.json))) {
    until = nowMs + Math.min(SECONDARY_MS * 2 ** (times - 1), SECONDARY_MAX_MS);
  }
  if (until !== undefined) block(account, resource, until);
  return until;
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
