import type { SparseSegment } from "./tar-header.ts";
import { BLOCK_BYTES, TarFormatError } from "./tar-header.ts";
import { decimal, type PaxRecords, paxNumber } from "./tar-pax.ts";

/** GNU tar manual, "Storing Sparse Files": the map stands in the records (0.0, 0.1) or before the data (1.0). */
export interface PaxSparse {
  readonly realSize: number;
  readonly name: Buffer | undefined;
  /** Absent in version 1.0, where `sparseMapReader` takes it from the data. */
  readonly map: readonly SparseSegment[] | undefined;
}

/** What the records say of a sparse file; undefined when the file is none. @throws TarFormatError */
export function paxSparse(
  records: PaxRecords,
  repeated: readonly (readonly [string, string])[],
): PaxSparse | undefined {
  const name = records.get("GNU.sparse.name");
  if (records.has("GNU.sparse.major")) {
    const version = `${paxNumber(records, "GNU.sparse.major")}.${paxNumber(records, "GNU.sparse.minor") ?? 0}`;
    if (version !== "1.0") throw new TarFormatError(`sparse format ${version} is not known`);
    const realSize = paxNumber(records, "GNU.sparse.realsize");
    if (realSize === undefined) throw new TarFormatError("a sparse file has no size");
    return { realSize, name, map: undefined };
  }
  const realSize = paxNumber(records, "GNU.sparse.size");
  if (realSize === undefined) return undefined;
  const listed = records.get("GNU.sparse.map")?.toString("latin1");
  const numbers =
    listed === undefined
      ? repeated.filter(([keyword]) => /\.(offset|numbytes)$/.test(keyword)).map(([, value]) => value)
      : listed.split(",");
  return { realSize, name, map: pairs(numbers.map((value) => decimal(value, "a sparse map"))) };
}

/** Reads the map of version 1.0: decimal numbers, a newline after each, padded to a block. */
export function sparseMapReader(): (block: Buffer) => readonly SparseSegment[] | undefined {
  const numbers: number[] = [];
  let digits = "";
  return (block) => {
    for (const byte of block) {
      if (byte !== 0x0a) {
        digits += String.fromCharCode(byte);
        if (digits.length > 20) throw new TarFormatError("a sparse map is no list of numbers");
        continue;
      }
      numbers.push(decimal(digits, "a sparse map"));
      digits = "";
      if (numbers.length === 1 + 2 * (numbers[0] ?? 0)) return pairs(numbers.slice(1));
    }
    if (block.length !== BLOCK_BYTES) throw new TarFormatError("a sparse map is cut short");
    return undefined;
  };
}

function pairs(numbers: readonly number[]): SparseSegment[] {
  const map: SparseSegment[] = [];
  for (let index = 0; index + 1 < numbers.length; index += 2) {
    map.push({ offset: numbers[index] ?? 0, bytes: numbers[index + 1] ?? 0 });
  }
  return map;
}
