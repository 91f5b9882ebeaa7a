import { type Bytes, bytesOf } from "../../lib/bytes.ts";
import { failingAfter } from "../support/bytes.ts";
import type { ScriptedUnit } from "../support/scripted-connector.ts";

/**
 * What there is to back up, and on which day. Every content says in its first line what it is (`org/app one.json 3`) and
 * all of it follows from that line: so whatever is found in a store can be judged by itself, whoever put it there.
 */
export interface Source {
  units(day: number): readonly ScriptedUnit[];
  /** Artifact names by unit, without the ending of compression. */
  readonly names: ReadonlyMap<string, readonly string[]>;
}

export interface SourceOptions {
  /** Of the one artifact that takes several writes. */
  readonly bigBytes: number;
  /** Of a further unit: so many tiny artifacts. */
  readonly many?: number;
  /** Throws in the middle of the content of `db` when it is opened for the `n`-th time, from 0. */
  readonly breaks?: (n: number) => Error | undefined;
  /** Thrown by the unit `org/app` at each of its collections. */
  readonly fails?: () => Error | undefined;
}

const SMALL_BYTES = 700;
/** Made once: mebibytes made anew for each comparison would keep the garbage collector busier than all the rest. */
const contents = new Map<string, Buffer>();
const MOST_CONTENTS = 32;
const NAMES: ReadonlyMap<string, readonly string[]> = new Map([
  ["org/app", ["one.json", "two.json"]],
  ["big", ["big.tar"]],
  ["db", ["dump.archive", "users.json"]],
]);

export function sourceOf({ bigBytes, many = 0, breaks, fails }: SourceOptions): Source {
  let opened = 0;
  const small = (unit: string, name: string, version: number) => () =>
    bytesOf(contentOf(unit, name, version, SMALL_BYTES));
  const breaking = (unit: string, name: string, version: number) => () => {
    const error = breaks?.(opened);
    opened += 1;
    const content = contentOf(unit, name, version, SMALL_BYTES);
    return error === undefined ? oneByOne(content, 256) : failingAfter(300, error, 100);
  };

  const manyNames = Array.from({ length: many }, (_, n) => `${String(n).padStart(2, "0")}.json`);
  const manyOn = (day: number): ScriptedUnit => ({
    id: "many",
    compress: false,
    items: Object.fromEntries(manyNames.map((name) => [name, small("many", name, day)])),
  });

  return {
    names: many === 0 ? NAMES : new Map([...NAMES, ["many", manyNames]]),
    units(day) {
      // Changes every other day, so that it is collected and reused in turn.
      const slow = Math.floor(day / 2);
      return [
        {
          id: "org/app",
          compress: false,
          fingerprint: `v${slow}`,
          items: { "one.json": small("org/app", "one.json", slow), "two.json": small("org/app", "two.json", slow) },
          ...(fails === undefined ? {} : { fails }),
        },
        {
          id: "big",
          compress: false,
          items: { "big.tar": () => oneByOne(contentOf("big", "big.tar", day, bigBytes)) },
        },
        {
          id: "db",
          items: { "dump.archive": breaking("db", "dump.archive", day), "users.json": small("db", "users.json", day) },
        },
        ...(many === 0 ? [] : [manyOn(day)]),
      ];
    },
  };
}

/** Whether `content` is exactly what its own first line says; and if so, what that is. */
export function readContent(content: Uint8Array): { unit: string; name: string; version: number } | undefined {
  const end = content.indexOf(10);
  const [unit, name, version, ...rest] = Buffer.from(content.subarray(0, Math.max(0, end)))
    .toString("utf8")
    .split(" ");
  if (unit === undefined || name === undefined || version === undefined || rest.length > 0) return undefined;
  const again = contentOf(unit, name, Number(version), content.byteLength);
  return again.equals(content) ? { unit, name, version: Number(version) } : undefined;
}

/** The length is a part of the content: it stands in the last line, so that a beginning is never mistaken for the whole. */
function contentOf(unit: string, name: string, version: number, bytes: number): Buffer {
  const id = `${unit} ${name} ${version} ${bytes}`;
  const before = contents.get(id);
  if (before !== undefined) return before;
  const head = `${unit} ${name} ${version}\n`;
  const tail = `\n${bytes} bytes of ${unit} ${name} ${version}\n`;
  const pattern = Uint8Array.from({ length: 25 }, (_, index) => 97 + ((index * (version + 7)) % 25));
  const filling = Buffer.alloc(Math.max(0, bytes - head.length - tail.length), pattern);
  const content = Buffer.concat([Buffer.from(head), filling, Buffer.from(tail)]);
  for (const oldest of contents.keys()) if (contents.size >= MOST_CONTENTS) contents.delete(oldest);
  contents.set(id, content);
  return content;
}

async function* oneByOne(content: Uint8Array, size = 64 * 1024): Bytes {
  for (let offset = 0; offset < content.byteLength; offset += size) yield content.subarray(offset, offset + size);
}
