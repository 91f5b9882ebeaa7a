import { randomFillSync } from "node:crypto";
import { closeSync, openSync, writeSync } from "node:fs";

/** A file of bytes that cannot be compressed. */
export function writeRandom(path: string, bytes: number): void {
  const piece = Buffer.alloc(1024 * 1024);
  const file = openSync(path, "w");
  for (let left = bytes; left > 0; left -= piece.byteLength) {
    randomFillSync(piece);
    writeSync(file, piece, 0, Math.min(left, piece.byteLength));
  }
  closeSync(file);
}
