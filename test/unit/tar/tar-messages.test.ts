import assert from "node:assert/strict";
import { test } from "node:test";
import { createReadingReport, type ReadingReport, warningsOf } from "../../../lib/tar/reading-report.ts";
import { createMessageReader } from "../../../lib/tar/tar-messages.ts";

const UNDERSTOOD: readonly (readonly [string, keyof ReadingReport, string])[] = [
  ["tar: ./a: file changed as we read it", "changed", "./a"],
  ["gtar: ./a: file changed as we read it", "changed", "./a"],
  ["/usr/bin/tar: ./a: file changed as we read it", "changed", "./a"],
  ["tar: ./a: File shrank by 1 byte; padding with zeros", "changed", "./a"],
  ["tar: ./a: File shrank by 98936576 bytes; padding with zeros", "changed", "./a"],
  ["tar: ./a: File removed before we read it", "vanished", "./a"],
  ["tar: ./a: Cannot stat: No such file or directory", "vanished", "./a"],
  ["tar: ./a: Cannot open: No such file or directory", "vanished", "./a"],
  ["tar: ./a/b: Cannot stat: Not a directory", "vanished", "./a/b"],
  ["tar: ./new\\nline\\377: Cannot open: Permission denied", "unreadable", "./new\\nline\\377 (Permission denied)"],
  [
    "tar: ./a: Cannot open: No such file: Cannot open: Permission denied",
    "unreadable",
    "./a: Cannot open: No such file (Permission denied)",
  ],
  [
    "tar: ./a: Read error at byte 0, while reading 512 bytes: Input/output error",
    "unreadable",
    "./a (Read error at byte 0, while reading 512 bytes: Input/output error)",
  ],
  ["tar: ./a: Unknown file type; file ignored", "unreadable", "./a (Unknown file type; file ignored)"],
  ["tar: ./a: socket ignored", "sockets", "./a"],
  [
    "tar: ./a: Warning: Cannot llistxattrat: Operation not supported",
    "remarks",
    "./a (Warning: Cannot llistxattrat: Operation not supported)",
  ],
  ["tar: Error is not recoverable: exiting now", "fatal", "Error is not recoverable: exiting now"],
  ["tar: memory exhausted", "fatal", "memory exhausted"],
  ["something else altogether", "fatal", "something else altogether"],
];

for (const [line, into, name] of UNDERSTOOD) {
  test(`"${line}" is put down as ${into}`, () => {
    for (const size of [line.length + 1, 1]) {
      const report = read([line], size);
      assert.deepEqual(report[into].shown, [name]);
      assert.equal(total(report), 1);
    }
  });
}

test("the closing line says nothing of its own", () => {
  assert.equal(total(read(["tar: Exiting with failure status due to previous errors"], 10)), 0);
});

test("a last line without its newline counts", () => {
  const report = createReadingReport();
  const reader = createMessageReader(report);
  reader.write(Buffer.from("tar: Killed"));
  reader.end();
  assert.deepEqual(report.fatal.shown, ["Killed"]);
});

test("ten thousand messages are counted, and the first twenty are named", () => {
  const lines = Array.from({ length: 10_000 }, (_, index) => `tar: ./file ${index}: file changed as we read it`);
  const report = read(lines, 5_000);
  assert.equal(report.changed.count, 10_000);
  const warnings = warningsOf(report);
  assert.equal(warnings.length, 21);
  assert.deepEqual(warnings[0], {
    code: "FILE_CHANGED",
    message: "./file 0 changed while it was read; the copy may mix old and new",
  });
  assert.deepEqual(warnings[20], { code: "FILE_CHANGED", message: "and 9980 more" });
});

function read(lines: readonly string[], size: number): ReadingReport {
  const report = createReadingReport();
  const reader = createMessageReader(report);
  const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(""));
  for (let offset = 0; offset < bytes.length; offset += size) reader.write(bytes.subarray(offset, offset + size));
  reader.end();
  return report;
}

const total = (report: ReadingReport): number => Object.values(report).reduce((sum, list) => sum + list.count, 0);
