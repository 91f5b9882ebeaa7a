import assert from "node:assert/strict";
import { test } from "node:test";
import {
  formatAge,
  formatBytes,
  formatClock,
  formatCount,
  formatDuration,
  formatRate,
  formatTime,
} from "../../lib/format.ts";

const KIB = 1024;
const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

test("sizes have three figures at most and never 1024 of a unit", () => {
  const cases: [number, string][] = [
    [0, "0 B"],
    [512, "512 B"],
    [1023, "1023 B"],
    [1024, "1.0 KiB"],
    [99.94 * KIB, "99.9 KiB"],
    [99.96 * KIB, "100 KiB"],
    [1023.4 * KIB, "1023 KiB"],
    [1023.5 * KIB, "1.0 MiB"],
    [5 * KIB ** 3, "5.0 GiB"],
    [2 * KIB ** 4, "2.0 TiB"],
    [2000 * KIB ** 6, "2000 EiB"],
  ];
  for (const [bytes, text] of cases) assert.equal(formatBytes(bytes), text);
  assert.equal(formatRate(1536), "1.5 KiB/s");
});

test("durations carry two units, and round into the next one", () => {
  const cases: [number, string][] = [
    [0, "0.0 s"],
    [380, "0.4 s"],
    [9_949, "9.9 s"],
    [9_950, "10 s"],
    [59_499, "59 s"],
    [59_500, "1 min 00 s"],
    [3 * MINUTE + 5 * SECOND, "3 min 05 s"],
    [59 * MINUTE + 59.6 * SECOND, "1 h 00 min"],
    [2 * HOUR + 4 * MINUTE, "2 h 04 min"],
    [3 * DAY + 4 * HOUR, "3 d 04 h"],
  ];
  for (const [ms, text] of cases) assert.equal(formatDuration(ms), text);
});

test("a running clock gains hours only when it has them, and never runs below nought", () => {
  assert.equal(formatClock(-5), "0:00");
  assert.equal(formatClock(7 * SECOND), "0:07");
  assert.equal(formatClock(12 * MINUTE + 34 * SECOND), "12:34");
  assert.equal(formatClock(HOUR + 2 * MINUTE + 3 * SECOND), "1:02:03");
});

test("an age is in one unit, rounded down", () => {
  assert.equal(formatAge(59 * SECOND), "just now");
  assert.equal(formatAge(5.9 * MINUTE), "5 min ago");
  assert.equal(formatAge(47 * HOUR), "47 h ago");
  assert.equal(formatAge(12 * DAY + HOUR), "12 d ago");
});

test("a moment is shown in its time zone with the offset that holds there then", () => {
  assert.equal(formatTime(new Date("2026-11-24T02:00:00Z"), "Europe/Berlin"), "2026-11-24 03:00:00 +01:00");
  assert.equal(formatTime(new Date("2026-07-24T02:00:00Z"), "Europe/Berlin"), "2026-07-24 04:00:00 +02:00");
  assert.equal(formatTime(new Date("2026-11-24T00:00:00Z"), "UTC"), "2026-11-24 00:00:00 +00:00");
  assert.equal(formatTime(new Date("2026-11-24T00:00:00Z"), "America/St_Johns"), "2026-11-23 20:30:00 -03:30");
});

test("one is not plural", () => {
  assert.deepEqual(
    [0, 1, 2].map((count) => formatCount(count, "unit")),
    ["0 units", "1 unit", "2 units"],
  );
});
