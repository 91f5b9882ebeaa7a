import { crc64Module, SLICES } from "./crc64-module.ts";

/** CRC-64/XZ, with which a mongodump archive guards each namespace. */
export interface Crc64 {
  update(bytes: Uint8Array): void;
  /** The sum of all bytes so far, as the signed number that BSON's int64 holds. */
  value(): bigint;
}

/** 42F0E1EBA9EA3693 reflected, in two halves. */
const POLYNOMIAL = { low: 0xd7870f42, high: 0xc96c5795 };
const TABLES_BYTES = SLICES * 256 * 8;
const PAGE_BYTES = 65_536;
const ALL_ONES = -1n;

type Update = (from: number, to: number, crc: bigint) => bigint;
let machine: { readonly update: Update; readonly window: Uint8Array } | undefined;

export function crc64(): Crc64 {
  machine ??= start();
  const { update, window } = machine;
  let crc = ALL_ONES;
  return {
    update(bytes) {
      for (let at = 0; at < bytes.byteLength; at += window.byteLength) {
        const piece = bytes.subarray(at, at + window.byteLength);
        window.set(piece);
        crc = update(window.byteOffset, window.byteOffset + piece.byteLength, crc);
      }
    },
    value: () => BigInt.asIntN(64, crc ^ ALL_ONES),
  };
}

/** One for all sums: nothing is kept in it between two calls. The window, where bytes are copied to, fits a near cache. */
function start(): NonNullable<typeof machine> {
  const memory = new WebAssembly.Memory({ initial: 1 + Math.ceil(TABLES_BYTES / PAGE_BYTES) });
  writeTables(new DataView(memory.buffer));
  const { exports } = new WebAssembly.Instance(crc64Module(), { env: { memory } });
  return { update: exports.update as Update, window: new Uint8Array(memory.buffer, TABLES_BYTES, PAGE_BYTES) };
}

/** Table k has, for each byte, its sum with k zero bytes behind it. */
function writeTables(view: DataView): void {
  for (let entry = 0; entry < 256; entry += 1) {
    let [low, high] = [entry, 0];
    for (let bit = 0; bit < 8; bit += 1) {
      const odd = low & 1;
      [low, high] = [(low >>> 1) | (high << 31), high >>> 1];
      if (odd === 1) [low, high] = [low ^ POLYNOMIAL.low, high ^ POLYNOMIAL.high];
    }
    write(view, entry, low, high);
  }
  for (let entry = 256; entry < SLICES * 256; entry += 1) {
    const [low, high] = read(view, entry - 256);
    const [firstLow, firstHigh] = read(view, low & 255);
    write(view, entry, ((low >>> 8) | (high << 24)) ^ firstLow, (high >>> 8) ^ firstHigh);
  }
}

const read = (view: DataView, entry: number) =>
  [view.getInt32(entry * 8, true), view.getInt32(entry * 8 + 4, true)] as const;

function write(view: DataView, entry: number, low: number, high: number): void {
  view.setInt32(entry * 8, low, true);
  view.setInt32(entry * 8 + 4, high, true);
}
