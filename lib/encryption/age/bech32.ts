/**
 * Bech32 (BIP 173), in which age writes its keys: a prefix, `1`, and the bytes in groups of five bits with a checksum.
 * As in age, the length is not limited.
 */

const ALPHABET = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
const GENERATOR = [0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3];
const CHECKSUM_LENGTH = 6;

/** In lower case. */
export function bech32Encode(prefix: string, bytes: Uint8Array): string {
  const groups = regroup(bytes, 8, 5, true) ?? [];
  const sum = checksum([...expanded(prefix), ...groups, 0, 0, 0, 0, 0, 0]) ^ 1;
  const check = Array.from({ length: CHECKSUM_LENGTH }, (_, n) => (sum >> (5 * (CHECKSUM_LENGTH - 1 - n))) & 31);
  return `${prefix}1${[...groups, ...check].map((group) => ALPHABET[group]).join("")}`;
}

/** Undefined for anything with a wrong checksum, mixed case, or bits left over. The prefix is given in lower case. */
export function bech32Decode(text: string): { readonly prefix: string; readonly bytes: Uint8Array } | undefined {
  const lower = text.toLowerCase();
  if (text !== lower && text !== text.toUpperCase()) return undefined;
  const end = lower.lastIndexOf("1");
  const prefix = lower.slice(0, end);
  const groups = [...lower.slice(end + 1)].map((character) => ALPHABET.indexOf(character));
  if (end < 1 || groups.length < CHECKSUM_LENGTH || groups.includes(-1) || !/^[!-~]+$/.test(prefix)) return undefined;
  if (checksum([...expanded(prefix), ...groups]) !== 1) return undefined;
  const bytes = regroup(groups.slice(0, -CHECKSUM_LENGTH), 5, 8, false);
  return bytes === undefined ? undefined : { prefix, bytes: Uint8Array.from(bytes) };
}

const expanded = (prefix: string): number[] => [
  ...[...prefix].map((character) => character.charCodeAt(0) >> 5),
  0,
  ...[...prefix].map((character) => character.charCodeAt(0) & 31),
];

function checksum(values: readonly number[]): number {
  let sum = 1;
  for (const value of values) {
    const top = sum >>> 25;
    sum = ((sum & 0x1ffffff) << 5) ^ value;
    GENERATOR.forEach((generator, bit) => {
      if ((top >> bit) & 1) sum ^= generator;
    });
  }
  return sum >>> 0;
}

/** Undefined when what is left over is more than padding. */
function regroup(values: Iterable<number>, from: number, to: number, pad: boolean): number[] | undefined {
  const groups: number[] = [];
  let held = 0;
  let bits = 0;
  for (const value of values) {
    held = ((held << from) | value) & 0xfff;
    bits += from;
    while (bits >= to) {
      bits -= to;
      groups.push((held >> bits) & ((1 << to) - 1));
    }
  }
  const rest = (held << (to - bits)) & ((1 << to) - 1);
  if (pad) return bits === 0 ? groups : [...groups, rest];
  return bits >= from || rest !== 0 ? undefined : groups;
}
