import { SourceError } from "../../errors.ts";
import type { Reading } from "./kinds/kind.ts";
import type { Line } from "./lines.ts";
import type { Json } from "./pages.ts";

export type Newest = Extract<Reading, { how: "newest" }>;

/** Servers' clocks and copies differ by less. What is read twice for it costs nothing. */
const OVERLAP_MS = 5 * 60_000;

/** What the list is sorted by. @throws SourceError `SOURCE_PROTOCOL` */
export function orderValue(json: Json, { by, path }: Pick<Newest, "by" | "path">): string | number {
  const value = json[by];
  if (by === "id" ? typeof value === "number" : typeof value === "string") return value as string | number;
  throw new SourceError("SOURCE_PROTOCOL", `GitHub lists an object without ${by} at ${path}`);
}

export function isOlder(value: string | number, than: string | number): boolean {
  if (typeof value === "number" || typeof than === "number") return Number(value) <= Number(than);
  return Date.parse(value) < Date.parse(than) - OVERLAP_MS;
}

export function later(a: string | number | undefined, b: string | number): string | number {
  if (a === undefined) return b;
  const isLater =
    typeof a === "number" || typeof b === "number" ? Number(b) > Number(a) : Date.parse(b) > Date.parse(a);
  return isLater ? b : a;
}

/** By key: what each line is sorted by, and what its children ask by. */
export async function orderValues(lines: (() => AsyncIterable<Line>) | undefined, order: Newest) {
  const values = new Map<string, { readonly value: string | number; readonly field: string }>();
  for await (const line of lines?.() ?? [])
    values.set(line.key, { value: orderValue(line.json, order), field: numberOrKey(line) });
  return values;
}

/** Children of issues and pull requests are asked for by number, those of comments by id. */
export const numberOrKey = ({ key, json: { number } }: Line): string =>
  typeof number === "number" ? String(number) : key;
