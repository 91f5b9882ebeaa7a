import type * as z from "zod";
import { isRecord, MISSING, mergedMessage, messageFor, type RawIssue, UNION } from "./messages.ts";
import type { Path } from "./place.ts";

/** Something that is wrong with a value. */
export interface Issue {
  readonly path: Path;
  /** About the key itself and not what it holds. */
  readonly isKey: boolean;
  readonly message: string;
}

export interface Checked<T> {
  /** Undefined when there are issues. */
  readonly value: T | undefined;
  readonly issues: readonly Issue[];
}

export interface CheckOptions {
  readonly path: Path;
  /** What to say of a key that is not known here, if more is known about it than that. */
  readonly unknownKey?: (key: string) => string | undefined;
}

type ZodIssue = z.core.$ZodIssue;

/**
 * Parses `value` and gives every issue in an operator's words. zod stops at unknown keys before it compares fields with
 * each other, so those are taken out and the rest is looked at once more.
 */
export function check<T>(schema: z.ZodType<T>, value: unknown, options: CheckOptions): Checked<T> {
  const error = (issue: RawIssue) => messageFor(issue, options.unknownKey);
  const first = schema.safeParse(value, { error });
  if (first.success) return { value: first.data, issues: [] };
  const issues = first.error.issues.flatMap((issue) => flatten(issue, []));
  const unknown = issues.filter(({ isKey }) => isKey);
  const second =
    unknown.length === 0
      ? undefined
      : schema.safeParse(
          without(
            value,
            unknown.map(({ path }) => path),
          ),
          { error },
        );
  const more = second?.error?.issues.flatMap((issue) => flatten(issue, [])) ?? [];
  const meant = new Set(unknown.map(({ path, message }) => suggested(path, message)));
  const told = [...issues, ...more].filter(
    ({ path, message }) => !(message.startsWith(MISSING) && meant.has(JSON.stringify(path))),
  );
  const all = told.map((issue) => ({ ...issue, path: [...options.path, ...issue.path] }));
  return { value: undefined, issues: all };
}

/** The path that an unknown key was meant for: that it is missing need not be said as well. */
function suggested(path: Path, message: string): string | undefined {
  const name = /\(did you mean (.+)\?\)$/.exec(message)?.[1];
  return name === undefined ? undefined : JSON.stringify([...path.slice(0, -1), name]);
}

function flatten(issue: ZodIssue, above: Path): Issue[] {
  const path = [...above, ...issue.path.map((part) => (typeof part === "symbol" ? String(part) : part))];
  if (issue.code === "unrecognized_keys") {
    const messages = issue.message.split("\n");
    return issue.keys.map((key, index) => ({
      path: [...path, key],
      isKey: true,
      message: messages[index] ?? "unknown key",
    }));
  }
  if (issue.code === "invalid_union" && issue.errors.length > 0) {
    const meant = issue.errors.filter((branch) => !branch.some(isOtherKind)).sort((a, b) => a.length - b.length)[0];
    if (meant !== undefined) return meant.flatMap((one) => flatten(one, path));
    const message = issue.message === UNION ? mergedMessage(issue.errors.flat()) : issue.message;
    return [{ path, isKey: false, message }];
  }
  return [{ path, isKey: false, message: issue.message }];
}

/** The value is of another type than this branch of the union is about. */
const isOtherKind = ({ path, code }: ZodIssue): boolean =>
  path.length === 0 && (code === "invalid_type" || code === "invalid_value");

/** A copy without these paths. */
function without(value: unknown, paths: readonly Path[]): unknown {
  const here = new Set(paths.filter(({ length }) => length === 1).map(([key]) => String(key)));
  const below = (key: string) =>
    paths.filter((path) => path.length > 1 && String(path[0]) === key).map((path) => path.slice(1));
  if (Array.isArray(value)) return value.map((item, index) => without(item, below(String(index))));
  if (!isRecord(value)) return value;
  const kept = Object.entries(value).filter(([key]) => !here.has(key));
  return Object.fromEntries(kept.map(([key, item]) => [key, without(item, below(key))]));
}
