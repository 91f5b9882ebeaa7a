import fc from "fast-check";

export interface Damage {
  readonly at: number;
  readonly remove: number;
  readonly insert: Uint8Array;
}

const SNIPPETS = [
  "{",
  "}",
  "[]",
  "null",
  "-1",
  '"',
  ",",
  "\n",
  "\\u0000",
  '"__proto__":{},',
  "1e999",
  "../",
  "\ud800",
  "\0",
  ": ",
  "- ",
  "&a",
  "*a",
  "0000",
  "ffff",
];

/** Some bytes taken out and others put in, at one to three places. */
export const damages: fc.Arbitrary<readonly Damage[]> = fc.array(
  fc.record({
    at: fc.double({ min: 0, max: 1, noNaN: true }),
    remove: fc.oneof(fc.nat(4), fc.nat(2_000)),
    insert: fc.oneof(fc.uint8Array({ maxLength: 4 }), fc.constantFrom(...SNIPPETS).map(utf8)),
  }),
  { minLength: 1, maxLength: 3 },
);

export function damaged(content: Uint8Array, changes: readonly Damage[]): Uint8Array {
  return changes.reduce((bytes, { at, remove, insert }) => {
    const place = Math.floor(at * bytes.byteLength);
    return Buffer.concat([bytes.subarray(0, place), insert, bytes.subarray(place + remove)]);
  }, content);
}

export function utf8(text: string): Uint8Array {
  return Buffer.from(text);
}
