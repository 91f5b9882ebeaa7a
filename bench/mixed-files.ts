import { createCipheriv } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";

const MiB = 1024 * 1024;
const PIECE_BYTES = 25 * MiB;
const TEXT_BYTES = 32 * MiB;
const SMALL_FILES_PER_FOLDER = 200;
const WORDS =
  "backup restore manifest of the a snapshot unit GET POST 200 404 error user session order invoice timeout retry connection /api/v1/items /health id=".split(
    " ",
  );

/** How much of what: 40 % random (as media and archives are), 40 % text (as logs are), 20 % small files. */
export function writeMixedFiles(folder: string, totalBytes: number, smallFiles: number): void {
  const random = randomSource();
  const text = logText(random, TEXT_BYTES);
  for (let n = 0, left = totalBytes * 0.4; left > 0; n += 1, left -= PIECE_BYTES) {
    const size = Math.min(PIECE_BYTES, Math.ceil(left));
    write(path.join(folder, "random", `${n}.bin`), random(size));
    write(path.join(folder, "logs", `${n}.log`), shuffled(text, random, size));
  }
  const smallBytes = (totalBytes * 0.2) / smallFiles;
  for (let n = 0; n < smallFiles; n += 1) {
    const size = Math.ceil(smallBytes * (0.1 + 1.8 * ((n % 101) / 100)));
    const from = random(4).readUInt32LE() % (text.byteLength - size);
    const name = path.join(folder, "small", String(Math.floor(n / SMALL_FILES_PER_FOLDER)), `${n}.txt`);
    write(name, text.subarray(from, from + size));
  }
}

/** The same bytes in every run: a key stream, which no compressor shortens. */
function randomSource(): (bytes: number) => Buffer {
  const cipher = createCipheriv("aes-128-ctr", Buffer.alloc(16, 1), Buffer.alloc(16, 2));
  return (bytes) => cipher.update(Buffer.alloc(bytes));
}

function logText(random: (bytes: number) => Buffer, bytes: number): Buffer {
  const lines: string[] = [];
  let length = 0;
  while (length < bytes) {
    const dice = random(12);
    const words = [...dice.subarray(0, 8)].map((die) => WORDS[die % WORDS.length]);
    const line = `2026-11-22T03:${dice.readUInt8(8) % 60}:${dice.readUInt8(9) % 60}Z ${dice.readUInt32LE(8).toString(16)} ${words.join(" ")}\n`;
    lines.push(line);
    length += line.length;
  }
  return Buffer.from(lines.join("")).subarray(0, bytes);
}

/** Making text is slow. What repeats of it lies farther apart than the compressor looks back (2 MiB at level 3). */
function shuffled(text: Buffer, random: (bytes: number) => Buffer, bytes: number): Buffer {
  const made = Buffer.alloc(bytes);
  for (let filled = 0; filled < bytes; filled += MiB) {
    const from = random(4).readUInt32LE() % (text.byteLength - MiB);
    text.copy(made, filled, from, from + MiB);
  }
  return made;
}

function write(file: string, content: Uint8Array): void {
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, content);
}
