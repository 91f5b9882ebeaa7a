import { BLOCK_BYTES } from "./tar-header.ts";
import type { PaxRecords } from "./tar-pax.ts";
import type { TarEntry } from "./tar-scan.ts";

/** What a member is to be called or to belong to instead. */
export interface TarChange {
  readonly path?: Buffer;
  readonly linkPath?: Buffer;
  readonly uid?: number;
  readonly gid?: number;
}

/** Numbers of eight octal digits and more stand in the extended records. */
const OCTAL_LIMIT = 0o7777777;

/**
 * The headers of `entry` with something changed: an extended header with all its records, and its own header, which is
 * the last block of `raw`. Content and size stay what they are.
 */
export function rewriteHeader(raw: Buffer, entry: TarEntry, change: TarChange): Buffer {
  const block = Buffer.from(raw.subarray(raw.length - BLOCK_BYTES));
  const path = change.path ?? entry.path;
  const linkPath = change.linkPath ?? entry.linkPath;
  const records = new Map(entry.records);
  const { uid = entry.uid, gid = entry.gid } = change;
  for (const [name, value] of [
    ["uid", uid],
    ["gid", gid],
  ] as const) {
    if (value > OCTAL_LIMIT) records.set(name, Buffer.from(String(value)));
    else records.delete(name);
  }
  records.set(records.has("GNU.sparse.name") ? "GNU.sparse.name" : "path", path);
  if (linkPath.length > 0) records.set("linkpath", linkPath);
  setText(block, 0, 100, path);
  setText(block, 157, 100, linkPath);
  setText(block, 345, 155, Buffer.alloc(0));
  setOctal(block, 108, 8, Math.min(uid, OCTAL_LIMIT));
  setOctal(block, 116, 8, Math.min(gid, OCTAL_LIMIT));
  return Buffer.concat([extendedHeader(records), sealed(block)]);
}

/** Two blocks of zeros: the end of an archive. */
export const END_MARK = Buffer.alloc(2 * BLOCK_BYTES);

function extendedHeader(records: PaxRecords): Buffer {
  const content = Buffer.concat([...records].map(([keyword, value]) => record(keyword, value)));
  const block = Buffer.alloc(BLOCK_BYTES);
  setText(block, 0, 100, Buffer.from("PaxHeaders.0/core-backup"));
  setOctal(block, 100, 8, 0o644);
  setOctal(block, 108, 8, 0);
  setOctal(block, 116, 8, 0);
  setOctal(block, 124, 12, content.length);
  setOctal(block, 136, 12, 0);
  block.write("x", 156, "latin1");
  block.write("ustar\x0000", 257, "latin1");
  const padding = Buffer.alloc((BLOCK_BYTES - (content.length % BLOCK_BYTES)) % BLOCK_BYTES);
  return Buffer.concat([sealed(block), content, padding]);
}

/** `<length> <keyword>=<value>\n`, where the length counts its own digits. */
function record(keyword: string, value: Buffer): Buffer {
  const rest = Buffer.concat([Buffer.from(` ${keyword}=`), value, Buffer.from("\n")]);
  let length = rest.length;
  while (String(length).length + rest.length !== length) length = String(length).length + rest.length;
  return Buffer.concat([Buffer.from(String(length)), rest]);
}

function setText(block: Buffer, offset: number, length: number, value: Buffer): void {
  block.fill(0, offset, offset + length);
  value.copy(block, offset, 0, length);
}

function setOctal(block: Buffer, offset: number, length: number, value: number): void {
  block.write(`${value.toString(8).padStart(length - 1, "0")}\0`, offset, "latin1");
}

/** The checksum is over the block with spaces in its own place. */
function sealed(block: Buffer): Buffer {
  block.fill(0x20, 148, 156);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return block;
}
