import assert from "node:assert/strict";
import { test } from "node:test";
import { painter } from "../../../cli/output.ts";
import { runReport } from "../../../cli/run-report.ts";
import { snapshotPrefix } from "../../../lib/keys.ts";
import type { ManifestUnit } from "../../../lib/manifest.ts";
import type { MetricsDelivery } from "../../../lib/measures/publish-metrics.ts";
import type { Delivery } from "../../../lib/notify/tell.ts";
import type { JobResult } from "../../../lib/run.ts";
import { totalsOf } from "../../../lib/totals.ts";
import { endedUnit } from "./units.ts";

const KIB = 1024;
const SNAPSHOT = "2026-11-22T030000Z";

test("a run that went well: the table, where it lies, and two commands to type", () => {
  const units = [
    endedUnit({ id: "repository", status: "unchanged", sourceBytes: 2048 * KIB }),
    endedUnit({ id: "my folder", sourceBytes: 300 * KIB }),
  ];
  const result = jobResult(units, { "repository/files.tar.zst": "restored", "my folder/files.tar.zst": "read" });
  assert.equal(
    report([result]),
    `docs  ok

unit        status     artifacts  source -> stored      time  proved
repository  unchanged          1   2.0 MiB -> 1.0 MiB  1.5 s  restored
my folder   ok                 1   300 KiB -> 150 KiB  1.5 s  read

snapshot ${SNAPSHOT} lies in /backups/docs/2026-11-22/030000Z/

next:
  core-backup list --config 'my backups.yml'
  core-backup restore --config 'my backups.yml' --job docs --to ./restored
`,
  );
});

test("failures stand below with code and message; a failed unit that kept artifacts is partial", () => {
  const error = { code: "SOURCE_INCOMPLETE", message: "2 entries could not be read", retryable: false } as const;
  const gone = { code: "SOURCE_NOT_FOUND", message: "it is\nnot there", retryable: false } as const;
  const units = [
    endedUnit({ id: "a", status: "failed", sourceBytes: 10, error }),
    endedUnit({ id: "b", status: "failed", error: gone }),
  ];
  const text = report([{ ...jobResult(units, {}), status: "partial" }]);
  assert.match(text, /^a +partial +1 +10 B -> 5 B +1\.5 s +no$/m);
  assert.match(text, /^b +failed +0 +- +1\.5 s +-$/m);
  assert.ok(
    text.includes(
      "\nfailures:\n  docs a: SOURCE_INCOMPLETE: 2 entries could not be read\n  docs b: SOURCE_NOT_FOUND: it is\\x0anot there\n",
    ),
    text,
  );
});

test("an artifact that does not agree is WRONG, and its fault is told once", () => {
  const units = [endedUnit({ id: "a", sourceBytes: 10 })];
  const error = { code: "PROOF_FAILED", message: "a/files.tar.zst does not restore", retryable: false } as const;
  const whole = jobResult(units, { "a/files.tar.zst": "read" });
  const [artifact] = whole.verification?.artifacts ?? [];
  assert.ok(whole.verification !== undefined && artifact !== undefined);
  const verification = {
    ...whole.verification,
    ok: false,
    artifacts: [{ ...artifact, checksum: "failed" as const, proof: null, error }],
  };
  const text = report([{ ...whole, status: "failed", verification, error }]);
  assert.match(text, /^a +ok .* WRONG$/m);
  assert.equal(text.split("PROOF_FAILED").length, 2);
});

test("a job that never began says why, and nothing is offered to type when nothing is stored", () => {
  const storage = { code: "STORAGE_FULL", message: "no space left", retryable: false } as const;
  const text = report([
    { job: "docs", status: "failed", error: storage },
    { job: "other", status: "failed", skippedBecause: "docs is fatal and did not succeed" },
  ]);
  assert.equal(
    text,
    "docs  failed\n\nother  failed\nnot begun: docs is fatal and did not succeed\n\nfailures:\n  docs: STORAGE_FULL: no space left\n",
  );
});

test("an interrupted job shows what ended before, and claims no snapshot", () => {
  const error = { code: "INTERRUPTED", message: "interrupted by SIGINT", retryable: false } as const;
  const seen = [endedUnit({ id: "a", sourceBytes: 10 }), endedUnit({ id: "b", status: "failed", error })];
  const text = report([{ job: "docs", status: "interrupted", snapshot: SNAPSHOT, error }], seen);
  assert.match(text, /^a +ok .* no$/m);
  assert.match(text, /^b +interrupted /m);
  assert.match(text, /^no snapshot; what was collected lies in /m);
  assert.match(text, /\nnext:\n {2}core-backup run --config 'my backups.yml' --job docs --resume\n$/);
});

test("a run that was taken up again says when, and how much was there already", () => {
  const units = [endedUnit({ id: "a", sourceBytes: 10 })];
  const resumed = { at: ["2026-11-22T04:00:00.000Z", "2026-11-22T05:00:00.000Z"], kept: 1 };
  const text = report([{ ...jobResult(units, {}), resumed }]);
  assert.match(text, /^docs {2}ok, resumed\n/);
  assert.match(
    text,
    /\nit was taken up again at 2026-11-22T04:00:00\.000Z, 2026-11-22T05:00:00\.000Z; 1 unit had ended before and was kept\n/,
  );
});

test("a job that another process works on is refused, and there is nothing to resume for who lost it", () => {
  const held = { code: "LEASE_HELD", message: "job docs is being worked on by run 1", retryable: false } as const;
  const lost = { code: "LEASE_LOST", message: "not ours any more", retryable: false } as const;
  assert.equal(
    report([{ job: "docs", status: "refused", error: held }]),
    "docs  refused\n\nfailures:\n  docs: LEASE_HELD: job docs is being worked on by run 1\n",
  );
  assert.doesNotMatch(report([{ job: "docs", status: "failed", snapshot: SNAPSHOT, error: lost }]), /next:/);
});

test("warnings are shown up to ten, and then counted", () => {
  const units = [endedUnit({ id: "a", sourceBytes: 10 })];
  const result = jobResult(units, {});
  assert.ok(result.manifest !== undefined);
  const warnings = Array.from({ length: 12 }, (_, n) => ({ code: "FILE_CHANGED", message: `file ${n}`, unit: "a" }));
  const text = report([{ ...result, manifest: { ...result.manifest, warnings } }]);
  assert.match(text, /warnings:\n {2}docs a: FILE_CHANGED: file 0\n/);
  assert.match(text, /file 9\n {2}… 2 more in the manifest\n/);
});

test("who could not be told is named, with who was told in their place", () => {
  const common = { type: "slack", jobs: ["docs"], events: ["failure"], attempts: 2 } as const;
  const error = { code: "NOTIFIER_UNREACHABLE", message: "hooks.example answers 503", retryable: true } as const;
  const text = report(
    [],
    [],
    [
      { ...common, notifier: "ops", ok: false, error },
      { ...common, notifier: "mail", ok: true, insteadOf: ["ops"] },
      { ...common, notifier: "hook", ok: true },
    ],
  );
  assert.equal(
    text,
    "could not be told:\n  ops: NOTIFIER_UNREACHABLE: hooks.example answers 503\n  told in their place: mail\n",
  );
  assert.doesNotMatch(report([]), /told/);
});

test("outputs that could not be given the metrics are named, the others are not", () => {
  const error = { code: "METRICS_UNREACHABLE", message: "127.0.0.1:9091 answers 500", retryable: true } as const;
  const metrics = [
    { output: "pushgateway", ok: false, attempts: 5, error },
    { output: "textfile", ok: true, attempts: 1 },
  ];
  assert.match(
    report([], [], [], metrics),
    /metrics could not be given to:\n {2}pushgateway: METRICS_UNREACHABLE: 127.0.0.1:9091 answers 500\n$/,
  );
});

function report(
  jobs: readonly JobResult[],
  seen: readonly ManifestUnit[] = [],
  deliveries: readonly Delivery[] = [],
  metrics: readonly MetricsDelivery[] = [],
): string {
  return runReport({
    result: { status: "ok", jobs },
    deliveries,
    metrics,
    seen: new Map([["docs", seen]]),
    place: (job, snapshot) => `/backups/${snapshotPrefix(job, snapshot)}`,
    program: "core-backup",
    configFile: "my backups.yml",
    paint: painter(false),
    width: undefined,
  });
}

function jobResult(units: ManifestUnit[], proofs: Readonly<Record<string, "read" | "restored">>): JobResult {
  const at = "2026-11-22T03:00:05.000Z";
  const digest = "0".repeat(64);
  return {
    job: "docs",
    status: "ok",
    snapshot: SNAPSHOT,
    manifest: {
      schemaVersion: 1,
      tool: { name: "core-backup", version: "0.0.0" },
      job: "docs",
      service: "filesystem",
      run: "01J00000000000000000000000",
      snapshot: SNAPSHOT,
      status: "ok",
      startedAt: at,
      finishedAt: at,
      durationMs: 0,
      totals: totalsOf(units),
      units,
      warnings: [],
      previous: null,
    },
    verification: {
      schemaVersion: 1,
      job: "docs",
      snapshot: SNAPSHOT,
      manifestSha256: digest,
      ok: true,
      verifiedAt: at,
      durationMs: 1,
      proved: Object.keys(proofs).length,
      artifacts: Object.entries(proofs).map(([path, level]) => ({
        path,
        checksum: "ok",
        checkedAt: at,
        proof: { level, detail: "", at },
      })),
      faults: [],
    },
  };
}
