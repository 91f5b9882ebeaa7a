import assert from "node:assert/strict";
import { test } from "node:test";
import type { Thresholds } from "../../../lib/config/notifier-options.ts";
import type { Manifest } from "../../../lib/manifest.ts";
import { passedThresholds } from "../../../lib/notify/thresholds.ts";

const HOUR = 3_600_000;
const now = new Date("2026-11-26T04:00:00Z");

const aManifest = (changes: Partial<Manifest> = {}, totals: Partial<Manifest["totals"]> = {}): Manifest => ({
  schemaVersion: 1,
  tool: { name: "core-backup", version: "1.2.3" },
  job: "docs",
  service: "filesystem",
  run: "01J",
  snapshot: "2026-11-26T030000Z",
  status: "ok",
  startedAt: "2026-11-26T03:00:00.000Z",
  finishedAt: "2026-11-26T04:00:00.000Z",
  durationMs: HOUR,
  totals: {
    units: 5,
    ok: 5,
    unchanged: 0,
    failed: 0,
    skipped: 0,
    artifacts: 5,
    bytes: 500,
    sourceBytes: 1000,
    ...totals,
  },
  units: [],
  warnings: [],
  previous: null,
  ...changes,
});

const passed = (thresholds: Thresholds, changes: Partial<Parameters<typeof passedThresholds>[1]> = {}) =>
  passedThresholds(thresholds, {
    manifest: aManifest(),
    before: aManifest({ snapshot: "2026-11-25T030000Z" }),
    provedAt: new Date("2026-11-26T03:30:00Z"),
    firstRun: new Date("2026-01-01T00:00:00Z"),
    now,
    ...changes,
  });

test("a figure that is just at its threshold has not passed it, one above has", () => {
  assert.deepEqual(passed({ duration_over: HOUR, bytes_over: 500, unit_failures_over: 0 }), []);
  assert.deepEqual(passed({ duration_over: HOUR - 1 }), ["took 1 h 00 min, more than duration_over 1 h 00 min"]);
  assert.deepEqual(passed({ bytes_over: 499 }), ["takes 500 B, more than bytes_over 499 B"]);
  assert.deepEqual(passed({ unit_failures_over: 1 }, { manifest: aManifest({ status: "partial" }, { failed: 2 }) }), [
    "2 units failed, more than unit_failures_over 1",
  ]);
});

test("a source that lost or gained so much of its size since the last good snapshot is told with both sizes", () => {
  const smaller = { manifest: aManifest({}, { sourceBytes: 500 }) };
  assert.deepEqual(passed({ shrunk_by: 0.51 }, smaller), []);
  assert.deepEqual(passed({ shrunk_by: 0.5 }, smaller), [
    "shrank by 50% from 1000 B in 2026-11-25T030000Z to 500 B, shrunk_by is 50%",
  ]);
  const larger = { manifest: aManifest({}, { sourceBytes: 3500 }) };
  assert.deepEqual(passed({ grown_by: 2.5, shrunk_by: 0.1 }, larger), [
    "grew by 250% from 1000 B in 2026-11-25T030000Z to 3.4 KiB, grown_by is 250%",
  ]);
  assert.deepEqual(passed({ grown_by: 2.51 }, larger), []);
});

test("sizes are compared with nothing where there is nothing to compare, and not where units are missing", () => {
  const none = aManifest({}, { sourceBytes: 0 });
  assert.deepEqual(passed({ shrunk_by: 0, grown_by: 0 }), []);
  assert.deepEqual(passed({ shrunk_by: 0.1 }, { before: undefined, manifest: none }), []);
  assert.deepEqual(passed({ grown_by: 0.1 }, { before: none }), []);
  assert.deepEqual(passed({ shrunk_by: 0.1 }, { manifest: aManifest({ status: "partial" }, { sourceBytes: 1 }) }), []);
  assert.equal(passed({ shrunk_by: 1 }, { manifest: none }).length, 1);
});

test("what was not proved for so long is told with the last proof, or that there was none", () => {
  assert.deepEqual(passed({ not_proved_for: HOUR / 2 }), []);
  assert.deepEqual(passed({ not_proved_for: HOUR / 2 - 1 }), [
    "was last proved 2026-11-26T03:30:00.000Z, longer ago than not_proved_for 30 min 00 s",
  ]);
  assert.deepEqual(passed({ not_proved_for: 24 * HOUR }, { provedAt: undefined }), [
    "was never proved, longer ago than not_proved_for 1 d 00 h",
  ]);
  assert.deepEqual(passed({ not_proved_for: 24 * HOUR }, { provedAt: undefined, firstRun: now }), []);
});
