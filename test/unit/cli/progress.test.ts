import assert from "node:assert/strict";
import { test } from "node:test";
import { type ProgressBoard, progressBoard } from "../../../cli/progress.ts";
import { textWidth } from "../../../cli/text-width.ts";
import type { ManifestUnit } from "../../../lib/manifest.ts";
import { endedUnit } from "./units.ts";

const MIB = 1024 * 1024;
const WIDE = { columns: 81, rows: 20 };

test("before the plan is there it says that it prepares", () => {
  assert.deepEqual(trimmed(progressBoard(0), 3000), ["preparing 0:03"]);
});

test("a job shows what ended of how much, and each running unit its bytes, share, rate and time left", () => {
  const board = boardOfTwo();
  assert.deepEqual(board.lines(2000, WIDE), [
    "docs-job                                     0/2 units  4.0 MiB  2.0 MiB/s  0:02",
    "  repository                          4.0 MiB   40%   2.0 MiB/s  ETA 0:03   0:02",
  ]);
});

test("without a size to expect there is no share and no time left", () => {
  const board = progressBoard(0);
  plan(board);
  board.hear({ type: "unit-started", job: "docs-job", unit: "repository", expectedBytes: undefined }, 0);
  board.hear({ type: "unit-bytes", job: "docs-job", unit: "repository", sourceBytes: 4 * MIB }, 2000);
  assert.equal(trimmed(board, 2000)[1], "repository 4.0 MiB 2.0 MiB/s 0:02");
});

test("a unit that has outgrown what was expected claims no share", () => {
  const board = boardOfTwo();
  board.hear({ type: "unit-bytes", job: "docs-job", unit: "repository", sourceBytes: 11 * MIB }, 4000);
  assert.doesNotMatch(trimmed(board, 4000)[1] ?? "", /%|ETA/);
});

test("a unit that its source has put off says how long it still waits", () => {
  const board = boardOfTwo();
  board.hear({ type: "unit-waiting", job: "docs-job", unit: "repository", until: new Date(62_000) }, 2000);
  assert.equal(trimmed(board, 2000)[1], "repository 4.0 MiB waiting 1:00");
  board.hear({ type: "unit-waiting", job: "docs-job", unit: "repository", until: undefined }, 62_000);
  assert.doesNotMatch(trimmed(board, 62_000)[1] ?? "", /waiting/);
});

test("a stall lowers the rate", () => {
  const board = boardOfTwo();
  const rate = (nowMs: number) => /[\d.]+ .iB\/s/.exec(trimmed(board, nowMs)[1] ?? "")?.[0];
  assert.deepEqual([rate(2000), rate(4000), rate(20_000)], ["2.0 MiB/s", "1.0 MiB/s", "205 KiB/s"]);
});

test("a unit that ended leaves the board and counts in its job, failed ones by name", () => {
  const board = boardOfTwo();
  ended(board, endedUnit({ id: "repository", sourceBytes: 10 * MIB }));
  assert.deepEqual(trimmed(board, 3000), ["docs-job 1/2 units 10.0 MiB 0:03"]);
  ended(board, endedUnit({ id: "other", status: "failed" }));
  assert.deepEqual(trimmed(board, 3000), ["docs-job 1 failed 2/2 units 10.0 MiB 0:03"]);
});

test("verification counts artifacts", () => {
  const board = boardOfTwo();
  ended(board, endedUnit({ id: "repository" }));
  board.hear({ type: "verifying", job: "docs-job", artifacts: 3 }, 3000);
  board.hear({ type: "verified", job: "docs-job", path: "repository/repository.bundle" }, 3000);
  assert.deepEqual(trimmed(board, 3000), ["docs-job verified 1/3 artifacts 0:03"]);
});

test("no line is as wide as the terminal, however narrow, and figures give way before the name", () => {
  const board = boardOfTwo();
  board.hear({ type: "unit-started", job: "docs-job", unit: "文書/a-very-long-name-of-a-unit", expectedBytes: 5 }, 0);
  for (let columns = 1; columns <= 120; columns += 1) {
    for (const line of board.lines(2000, { columns, rows: 20 })) {
      assert.ok(textWidth(line) <= Math.max(0, columns - 1), `${columns}: ${line}`);
    }
  }
  const [, narrow] = board.lines(2000, { columns: 40, rows: 20 });
  assert.match(narrow ?? "", /repository +4\.0 MiB +2\.0 MiB\/s$/);
});

test("more units than rows are counted, and every job keeps its line", () => {
  const board = progressBoard(0);
  for (const job of ["a", "b"]) {
    board.hear({ type: "planned", job, run: "r", snapshot: "s", units: 50 }, 0);
    for (let n = 0; n < 50; n += 1)
      board.hear({ type: "unit-started", job, unit: `${job}${n}`, expectedBytes: undefined }, 0);
  }
  const lines = trimmed(board, 1000, { columns: 80, rows: 6 });
  assert.equal(lines.length, 6);
  assert.match(lines[0] ?? "", /^a 0\/50/);
  assert.match(lines[4] ?? "", /^b 0\/50/);
  assert.equal(lines[5], "… 97 more");
});

test("a unit's name cannot steer the terminal", () => {
  const board = progressBoard(0);
  plan(board);
  board.hear({ type: "unit-started", job: "docs-job", unit: "\u001b[2J\n", expectedBytes: undefined }, 0);
  const [, line = ""] = board.lines(0, WIDE);
  assert.ok(!line.includes("\u001b") && !line.includes("\n"));
});

function boardOfTwo(): ProgressBoard {
  const board = progressBoard(0);
  plan(board);
  board.hear({ type: "unit-started", job: "docs-job", unit: "repository", expectedBytes: 10 * MIB }, 0);
  board.hear({ type: "unit-bytes", job: "docs-job", unit: "repository", sourceBytes: 4 * MIB }, 2000);
  return board;
}

function plan(board: ProgressBoard): void {
  board.hear({ type: "planned", job: "docs-job", run: "r", snapshot: "2026-11-22T030000Z", units: 2 }, 0);
}

function ended(board: ProgressBoard, result: ManifestUnit): void {
  board.hear({ type: "unit-ended", job: "docs-job", unit: result.id, result }, 3000);
}

/** With runs of spaces as one: what is said, not where. */
function trimmed(board: ProgressBoard, nowMs: number, size = WIDE): string[] {
  return board.lines(nowMs, size).map((line) => line.trim().replaceAll(/ +/g, " "));
}
