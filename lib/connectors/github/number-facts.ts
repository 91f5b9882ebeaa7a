import { deflateRawSync, inflateRawSync } from "node:zlib";
import type { Facts } from "../connector.ts";

/** GitHub's largest repositories have half as many issues and pull requests. What is packed is at most this many bits. */
const MOST = 2 ** 20;

/** The numbers that lines are of, or belong to, as a fact: a bitmap, deflated. Nothing for numbers that no repository of today has. */
export function numberFacts(numbers: ReadonlySet<number>): Facts {
  const text = packed(numbers);
  return text === undefined ? {} : { numbers: text };
}

/** Those of all artifacts together; undefined where there is none, or one does not tell. */
export function numbersOf(artifacts: readonly { readonly facts: Facts }[]): ReadonlySet<number> | undefined {
  const sets = artifacts.map(({ facts: { numbers } }) => (typeof numbers === "string" ? unpacked(numbers) : undefined));
  if (sets.length === 0 || sets.some((set) => set === undefined)) return undefined;
  return new Set(sets.flatMap((set) => [...(set ?? [])]));
}

export function packed(numbers: ReadonlySet<number>): string | undefined {
  let last = 0;
  for (const number of numbers) {
    if (!Number.isInteger(number) || number < 0 || number >= MOST) return undefined;
    last = Math.max(last, number);
  }
  const bits = new Uint8Array(numbers.size === 0 ? 0 : (last >> 3) + 1);
  for (const number of numbers) bits[number >> 3] = (bits[number >> 3] ?? 0) | (1 << (number & 7));
  return deflateRawSync(bits).toString("base64url");
}

/** Undefined for what `packed` does not make. */
export function unpacked(text: string): ReadonlySet<number> | undefined {
  const numbers = new Set<number>();
  try {
    const bits = inflateRawSync(Buffer.from(text, "base64url"), { maxOutputLength: MOST / 8 });
    for (const [at, byte] of bits.entries())
      for (let bit = 0; bit < 8; bit += 1) if ((byte & (1 << bit)) !== 0) numbers.add(at * 8 + bit);
  } catch {
    return undefined;
  }
  return numbers;
}
