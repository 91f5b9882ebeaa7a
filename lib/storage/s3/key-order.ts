import { byUtf16 } from "../key.ts";

/**
 * S3 lists in the order of UTF-8 bytes, storages promise that of UTF-16 units. The two differ only between characters
 * from U+E000 on and those beyond U+FFFF, and only where they stand at the same place behind the same text: such names come in one
 * piece, which is held and put in order. Everything else passes through.
 */
export async function* inUtf16Order<T>(
  entries: AsyncIterable<T>,
  keyOf: (entry: T) => string,
  prefixLength: number,
): AsyncIterable<T> {
  let held: T[] = [];
  let common: string | undefined;
  for await (const entry of entries) {
    const key = keyOf(entry);
    if (common !== undefined && !(key.startsWith(common) && isHigh(key, common.length))) {
      yield* sorted(held, keyOf);
      held = [];
      common = undefined;
    }
    common ??= textBeforeHigh(key, prefixLength);
    if (common === undefined) yield entry;
    else held.push(entry);
  }
  yield* sorted(held, keyOf);
}

function textBeforeHigh(key: string, from: number): string | undefined {
  for (let index = from; index < key.length; index += 1) if (isHigh(key, index)) return key.slice(0, index);
  return undefined;
}

/** Surrogates and all above them. */
const isHigh = (key: string, index: number): boolean => key.charCodeAt(index) >= 0xd800;

const sorted = <T>(entries: T[], keyOf: (entry: T) => string): T[] =>
  entries.sort((a, b) => byUtf16(keyOf(a), keyOf(b)));
