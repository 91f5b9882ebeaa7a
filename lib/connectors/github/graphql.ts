import * as z from "zod";
import { SourceError, TransientError } from "../../errors.ts";
import { type Json, objectOf } from "./pages.ts";
import type { Answer } from "./response.ts";
import type { Session } from "./session.ts";
import { UnreadableError } from "./unreadable.ts";

/** Every question asks for it, so that what a run spends is known. */
export const COST = "rateLimit { cost }";

/** GitHub ends a question after ten seconds with a 502; whoever can ask for less does so after two. */
const ATTEMPTS = 2;

const replySchema = z.object({
  data: z.record(z.string(), z.unknown()).nullish(),
  errors: z
    .array(
      z.object({ type: z.string().optional(), message: z.string().default(""), path: z.array(z.unknown()).nullish() }),
    )
    .default([]),
});

export interface Reply {
  readonly data: Json;
  /** What could not be had is null in `data`, and said here. */
  readonly refusal: UnreadableError | undefined;
}

/**
 * One question and its answer. Faults of single fields leave the rest of the answer standing. `everyone`: where an account is not shown something of it, the
 * others are asked, too.
 * @throws TransientError where less should be asked for; UnreadableError where nothing of it may be read; SourceError
 */
export async function askGraphql(
  session: Session,
  query: string,
  variables: Readonly<Record<string, unknown>>,
  { everyone = false }: { readonly everyone?: boolean } = {},
): Promise<Reply> {
  const isRefusal = ({ json }: Pick<Answer, "json">) => everyone && isRefused(replySchema.safeParse(json).data?.errors);
  const answer = await session.question({ query, variables }, { attempts: ATTEMPTS, isRefusal });
  const parsed = replySchema.safeParse(objectOf(answer, "/graphql", "FORBIDDEN"));
  if (!parsed.success) throw new SourceError("SOURCE_PROTOCOL", "POST /graphql is answered with what is no reply");
  const { data, errors } = parsed.data;
  session.stats.points += costOf(data);
  const [first] = errors;
  if (first === undefined) {
    if (data === undefined || data === null)
      throw new SourceError("SOURCE_PROTOCOL", "POST /graphql is answered with no data");
    return { data, refusal: undefined };
  }
  const messages = errors
    .map(({ message }) => message)
    .join("; ")
    .slice(0, 300);
  if (
    errors.some(
      ({ type = "", message }) => TOO_MUCH.test(type) || (type === "" && /timeout|something went wrong/i.test(message)),
    )
  )
    throw new TransientError("SOURCE_UNAVAILABLE", `GitHub answers POST /graphql with: ${messages}`);
  if (!isRefused(errors)) throw new SourceError("SOURCE_PROTOCOL", `GitHub answers POST /graphql with: ${messages}`);
  const refusal = new UnreadableError("FORBIDDEN", first.type === "NOT_FOUND" ? 404 : 403, messages);
  if (data === undefined || data === null) throw refusal;
  return { data, refusal };
}

/** Asking for fewer helps. https://docs.github.com/en/graphql/overview/rate-limits-and-query-limits-for-the-graphql-api */
const TOO_MUCH = /^(MAX_NODE_LIMIT|RESOURCE_LIMITS)_EXCEEDED$/;
const REFUSALS: ReadonlySet<string> = new Set(["NOT_FOUND", "FORBIDDEN", "INSUFFICIENT_SCOPES"]);

const isRefused = (errors: z.infer<typeof replySchema>["errors"] = []): boolean =>
  errors.length > 0 && errors.every(({ type }) => type !== undefined && REFUSALS.has(type));

function costOf(data: Json | null | undefined): number {
  const limit = data?.rateLimit;
  const cost = typeof limit === "object" && limit !== null ? Reflect.get(limit, "cost") : undefined;
  return typeof cost === "number" ? cost : 0;
}
