import { createHash } from "node:crypto";
import type { Bytes } from "../../bytes.ts";
import type { Facts, Item } from "../connector.ts";
import { partName } from "./kind-parts.ts";
import type { Kind } from "./kinds/kind.ts";
import type { Line } from "./lines.ts";
import { numberFacts } from "./number-facts.ts";
import { numbering } from "./references.ts";

export const JSON_LINES = "application/jsonl";

export interface KindItemOptions {
  /** The first reading's beginning, which the first `open` goes on with. */
  readonly begun?: AsyncIterator<Line>;
  readonly part?: number;
  /** What else is to be known of what was read. After the last line. */
  readonly more?: () => Facts;
  /** Which items that were stored before it are given up for it. */
  readonly replaces?: (name: string) => boolean;
}

/** `name.jsonl`, or one part of it. */
export function kindItem(
  kind: Pick<Kind, "name">,
  read: () => AsyncIterable<Line>,
  { begun, part, more, replaces }: KindItemOptions = {},
): Item {
  let first = begun;
  let facts: Facts | undefined;

  async function* open(): Bytes {
    facts = undefined;
    const source = first === undefined ? read() : iterableOf(first);
    first = undefined;
    const hash = createHash("sha256");
    let lines = 0;
    let objects = 0;
    const numbers = numbering(kind.name);
    for await (const { json } of source) {
      const bytes = Buffer.from(`${JSON.stringify(json)}\n`);
      hash.update(bytes);
      lines += 1;
      objects += objectsIn(json);
      numbers?.note(json);
      yield bytes;
    }
    const numbered = numbers === undefined ? {} : numberFacts(numbers.all);
    facts = { lines, objects, sha256: hash.digest("hex"), ...numbered, ...more?.() };
  }

  return {
    name: partName(kind, part),
    contentType: JSON_LINES,
    compress: true,
    restore: `cat {}`,
    ...(replaces === undefined ? {} : { replaces }),
    open,
    facts() {
      if (facts === undefined) throw new Error(`${kind.name} was asked for its facts before its last line`);
      return facts;
    },
  };
}

/** The children of one parent are on one line. */
export const objectsIn = (json: object): number =>
  "of" in json && "items" in json && Array.isArray(json.items) ? json.items.length : 1;

async function* iterableOf(iterator: AsyncIterator<Line>): AsyncGenerator<Line> {
  try {
    for (let next = await iterator.next(); next.done !== true; next = await iterator.next()) yield next.value;
  } finally {
    await iterator.return?.();
  }
}

/** The same lines with the first one read already; undefined when there is none. */
export async function peeked(lines: AsyncIterable<Line>): Promise<AsyncIterator<Line> | undefined> {
  const iterator = lines[Symbol.asyncIterator]();
  const first = await iterator.next();
  if (first.done === true) return undefined;
  return prepended(first.value, iterator);
}

async function* prepended(first: Line, rest: AsyncIterator<Line>): AsyncGenerator<Line> {
  try {
    yield first;
    for (let next = await rest.next(); next.done !== true; next = await rest.next()) yield next.value;
  } finally {
    await rest.return?.();
  }
}
