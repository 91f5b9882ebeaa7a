import { createHash } from "node:crypto";
import { type Bytes, lineTexts } from "../../bytes.ts";
import type { Kind } from "./kinds/kind.ts";
import { isObject, type Json } from "./pages.ts";

/** One line of a kind's artifact. */
export interface Line {
  /** Tells it from every other line of its kind. */
  readonly key: string;
  readonly json: Json;
}

/** What has to be known of a kind in order to read its lines. */
export type LineKind = Pick<Kind, "name" | "reading" | "key">;

export const lineOf = (kind: LineKind, json: Json): Line => ({ key: keyOf(kind, json), json });

function keyOf(kind: LineKind, json: Json): string {
  const { how } = kind.reading;
  if (how === "object") return kind.name;
  const value = json[how === "each" || how === "changed" ? "of" : (kind.key ?? "id")];
  if (typeof value === "string" || typeof value === "number") return String(value);
  return createHash("sha256").update(JSON.stringify(json)).digest("hex");
}

export async function* noLines(): AsyncGenerator<Line> {}

/** @throws Error for what is no JSON Lines */
export async function* linesOf(kind: LineKind, bytes: Bytes): AsyncGenerator<Line> {
  for await (const text of lineTexts(bytes, MAX_LINE_BYTES)) {
    const json: unknown = JSON.parse(text);
    if (!isObject(json)) throw new SyntaxError("a line holds no object");
    yield lineOf(kind, json);
  }
}

/** The children of one parent are one line. */
export const MAX_LINE_BYTES = 256 * 1024 * 1024;
