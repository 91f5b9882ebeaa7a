import { TarFormatError } from "./tar-header.ts";

/** Values are bytes: a path need not be UTF-8, an extended attribute holds anything. */
export type PaxRecords = ReadonlyMap<string, Buffer>;

/**
 * The records of an extended header: `<length> <keyword>=<value>\n`, where the length counts itself
 * (POSIX.1-2001 "pax", section "pax Extended Header"). GNU sparse 0.0 repeats keywords, so `repeated` hears each.
 * @throws TarFormatError
 */
export function parsePax(content: Buffer, repeated: (keyword: string, value: string) => void = () => {}): PaxRecords {
  const records = new Map<string, Buffer>();
  let offset = 0;
  while (offset < content.length) {
    const space = content.indexOf(0x20, offset);
    const digits = content.toString("latin1", offset, space === -1 ? offset : Math.min(space, offset + 20));
    if (!/^[0-9]+$/.test(digits)) throw new TarFormatError("an extended header's length is no number");
    const end = offset + Number(digits);
    if (end > content.length || end <= space + 1 || content[end - 1] !== 0x0a) {
      throw new TarFormatError("an extended header's length is wrong");
    }
    const equals = content.indexOf(0x3d, space);
    if (equals === -1 || equals >= end) throw new TarFormatError("an extended header's record has no value");
    const keyword = content.toString("utf8", space + 1, equals);
    const value = content.subarray(equals + 1, end - 1);
    records.set(keyword, value);
    if (keyword.startsWith("GNU.sparse.")) repeated(keyword, value.toString("latin1"));
    offset = end;
  }
  return records;
}

/** A decimal count of the records; undefined when there is none. @throws TarFormatError */
export function paxNumber(records: PaxRecords, keyword: string): number | undefined {
  const value = records.get(keyword)?.toString("latin1");
  if (value === undefined) return undefined;
  return decimal(value, keyword);
}

/** @throws TarFormatError */
export function decimal(value: string, what: string): number {
  const number = Number(value);
  if (!/^[0-9]+$/.test(value) || !Number.isSafeInteger(number)) throw new TarFormatError(`${what} is no count`);
  return number;
}
