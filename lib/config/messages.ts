import * as z from "zod";
import { LITERAL } from "./faults.ts";
import { secretFieldInfo } from "./secret-fields.ts";
import { didYouMean } from "./suggestion.ts";

/** What is said of a value that its schema refuses. Values are not told where they may be secret. */

export type RawIssue = z.core.$ZodRawIssue;
type ZodIssue = z.core.$ZodIssue;

/** Marks a union's message as ours, so that one that its schema gives wins. */
export const UNION = "does not have one of the forms that are allowed here";
/** How a message about what is not there begins. */
export const MISSING = "is missing: ";
const LISTED_KEYS = 12;

/** One line, but for unknown keys: zod has one issue for several, so theirs has a line for each. */
export function messageFor(issue: RawIssue, unknownKey: ((key: string) => string | undefined) | undefined): string {
  switch (issue.code) {
    case "invalid_type":
      if (issue.input === undefined) return `${MISSING}it must be ${nameOf(issue.expected)}`;
      if (issue.expected === "int" && typeof issue.input === "number")
        return `must be a whole number, not ${issue.input}`;
      return `must be ${nameOf(issue.expected)}, not ${cameFor(issue.expected, issue.input)}${quotesHint(issue.expected, issue.input)}`;
    case "unrecognized_keys": {
      const { known, literals } = keysOf(issue.inst);
      return issue.keys
        .map((key) => literalMessage(key, literals) ?? unknownKey?.(key) ?? unknownKeyMessage(key, known))
        .join("\n");
    }
    case "too_small":
      return boundMessage(issue.origin, issue.minimum, issue.inclusive ?? true, "least", issue.input);
    case "too_big":
      return boundMessage(issue.origin, issue.maximum, issue.inclusive ?? true, "most", issue.input);
    case "invalid_value":
      if (issue.input === undefined) return `${MISSING}it must be ${either(issue.values)}`;
      return `must be ${either(issue.values)}, not ${shown(issue.input)}${nearest(issue.input, issue.values)}`;
    case "invalid_union":
      return unionMessage(issue);
    case "invalid_format":
      return "does not have the right form";
    default:
      return "is not valid";
  }
}

function boundMessage(
  origin: string,
  bound: number | bigint,
  inclusive: boolean,
  which: "least" | "most",
  input: unknown,
): string {
  const limit = inclusive ? Number(bound) : Number(bound) + (which === "least" ? 1 : -1);
  if (origin === "array")
    return which === "least"
      ? `must hold at least ${limit} ${limit === 1 ? "entry" : "entries"}`
      : `must hold at most ${limit} entries`;
  if (origin === "string")
    return which === "least" && limit === 1 ? "must not be empty" : `must have at ${which} ${limit} characters`;
  return `must be at ${which} ${limit}, not ${typeof input === "number" ? input : kindOf(input)}`;
}

/** A tagged union: which tags there are. */
function unionMessage(issue: RawIssue & { code: "invalid_union" }): string {
  const { discriminator, options } = issue as { discriminator?: string; options?: readonly unknown[] };
  if (discriminator === undefined || options === undefined) return UNION;
  const given = isRecord(issue.input) ? issue.input[discriminator] : undefined;
  if (given === undefined) return `${MISSING}it must be ${either(options)}`;
  return `must be ${either(options)}, not ${shown(given)}${nearest(given, options)}`;
}

/** For a value that no branch of a union is about. */
export function mergedMessage(issues: readonly ZodIssue[]): string {
  const expected = issues.flatMap((issue) =>
    issue.code === "invalid_type"
      ? [nameOf(issue.expected)]
      : issue.code === "invalid_value"
        ? [either(issue.values)]
        : [],
  );
  const came = issues.map(({ message }) => /, not (.*)$/.exec(message)?.[1]).find((text) => text !== undefined);
  if (expected.length === 0) return UNION;
  const must = `must be ${joined([...new Set(expected)])}`;
  return came === undefined ? `${MISSING}it ${must}` : `${must}, not ${came}`;
}

/** A key `token` where there is `token_env`: the value is a secret and stays out of the message. */
function literalMessage(key: string, literals: ReadonlyMap<string, readonly string[]>): string | undefined {
  // A misspelt one is a secret as well.
  const near = [...literals.keys()].find((name) => didYouMean(key, [name]) !== "");
  const fields = literals.get(key) ?? (near === undefined ? undefined : literals.get(near));
  return fields && `${LITERAL}: use ${joined(fields)}`;
}

function keysOf(inst: unknown): { known: readonly string[]; literals: ReadonlyMap<string, readonly string[]> } {
  if (!(inst instanceof z.ZodObject)) return { known: [], literals: new Map() };
  const literals = new Map<string, string[]>();
  for (const [key, field] of Object.entries(inst.shape)) {
    const info = typeof field === "object" && field !== null ? secretFieldInfo(field) : undefined;
    if (info !== undefined) literals.set(info.secret, [...(literals.get(info.secret) ?? []), key]);
  }
  return { known: Object.keys(inst.shape), literals };
}

/** What came, for the end of a sentence. Values are not told: the one in the wrong place may be a secret. */
export function kindOf(value: unknown): string {
  if (value === null || value === undefined) return "nothing";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "a mapping";
  if (typeof value === "boolean") return `${value}`;
  if (typeof value === "number") return Number.isFinite(value) ? "a number" : String(value);
  return "text";
}

const unknownKeyMessage = (key: string, known: readonly string[]): string => {
  const near = didYouMean(key, known);
  const list =
    near === "" && known.length > 0 && known.length <= LISTED_KEYS ? `; known here: ${known.join(", ")}` : "";
  return `unknown key${near}${list}`;
};

/** `none is called "locl"`, with what there is. */
export function unknownNameMessage(what: string, name: string, known: readonly string[]): string {
  const near = didYouMean(name, known);
  const list =
    near === "" && known.length > 0
      ? `; there ${known.length === 1 ? "is" : "are"} ${known.slice(0, LISTED_KEYS).join(", ")}`
      : "";
  return `unknown ${what} ${quoted(name)}${near}${list}`;
}

const quoted = (text: string): string => JSON.stringify(text.length > 40 ? `${text.slice(0, 39)}…` : text);

export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const NAMES: Readonly<Record<string, string>> = {
  string: "text",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
  array: "a list",
  object: "a mapping",
  record: "a mapping",
};
const nameOf = (expected: string): string => NAMES[expected] ?? expected;

/** What YAML 1.1 took for true and false. */
const OLD_BOOLEAN = /^(?:yes|no|on|off|y|n)$/i;

const quotesHint = (expected: string, input: unknown): string =>
  expected === "string" && (typeof input === "number" || typeof input === "boolean") ? " (put it in quotes)" : "";

const cameFor = (expected: string, input: unknown): string =>
  expected === "boolean" && typeof input === "string" && OLD_BOOLEAN.test(input) ? quoted(input) : kindOf(input);

const either = (values: readonly unknown[]): string => joined(values.map(String));
const shown = (input: unknown): string => (typeof input === "string" ? quoted(input) : kindOf(input));
const nearest = (input: unknown, values: readonly unknown[]): string =>
  typeof input === "string" ? didYouMean(input, values.map(String)) : "";

export function joined(words: readonly string[]): string {
  return words.length < 2 ? (words[0] ?? "") : `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`;
}
