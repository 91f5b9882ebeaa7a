import assert from "node:assert/strict";
import { test } from "node:test";
import { bytesOf } from "../../lib/bytes.ts";
import { ConfigError, InterruptedError, SourceError, TransientError } from "../../lib/errors.ts";
import { plan } from "../../lib/plan.ts";
import { prune } from "../../lib/prune.ts";
import { runJobs } from "../../lib/run.ts";
import { memoryStorage } from "../../lib/storage/memory.ts";
import type { Storage } from "../../lib/storage/storage.ts";
import { aBackup, aJob, contentsOf } from "../support/a-backup.ts";
import type { ScriptedUnit } from "../support/scripted-connector.ts";

const FOLDER = "docs/2026-11-22/030000Z/";

async function runOnce(a: ReturnType<typeof aBackup>) {
  const result = await runJobs(a.backup, ["docs"]);
  const [job] = result.jobs;
  assert.ok(job);
  return job;
}

test("a run leaves exactly the objects of the layout", async () => {
  const a = aBackup({
    units: () => [
      { id: "org/app", items: { "a.json": "one", "b.json": "two" } },
      { id: "c", items: { "c.json": "3" } },
    ],
  });
  const job = await runOnce(a);
  assert.equal(job.status, "ok");
  assert.equal(job.verification?.proved, 3);
  assert.deepEqual(
    [...(await contentsOf(a.storage)).keys()].sort(),
    [
      "docs/.lease",
      "docs/.removals.json",
      `${FOLDER}.run/plan.jsonl`,
      `${FOLDER}.run/run.json`,
      `${FOLDER}.run/units/0.json`,
      `${FOLDER}.run/units/1.json`,
      `${FOLDER}SHA256SUMS`,
      `${FOLDER}c/c.json.zst`,
      `${FOLDER}manifest.json`,
      `${FOLDER}org/app/a.json.zst`,
      `${FOLDER}org/app/b.json.zst`,
      `${FOLDER}verified.json`,
    ].sort(),
  );
});

test("a failed unit makes the snapshot partial and leaves its neighbours whole", async () => {
  const fails = () => new SourceError("SOURCE_NOT_FOUND", "gone");
  const a = aBackup({
    units: () => [
      { id: "bad", fails },
      { id: "good", items: { "g.json": "g" } },
    ],
  });
  const { status, manifest } = await runOnce(a);
  assert.equal(status, "partial");
  assert.deepEqual(
    manifest?.units.map((unit) => [unit.id, unit.status, unit.error?.code]),
    [
      ["bad", "failed", "SOURCE_NOT_FOUND"],
      ["good", "ok", undefined],
    ],
  );
});

test("a unit that fails after an artifact keeps it, with its error", async () => {
  const fails = () => new SourceError("SOURCE_INCOMPLETE", "2 files could not be read");
  const { status, manifest } = await runOnce(aBackup({ units: () => [{ id: "a", items: { "a.json": "a" }, fails }] }));
  assert.equal(status, "partial");
  assert.equal(manifest?.units[0]?.status, "failed");
  assert.equal(manifest?.units[0]?.artifacts.length, 1);
  assert.equal(manifest?.units[0]?.error?.code, "SOURCE_INCOMPLETE");
});

test("a run that stored nothing is failed, also when the plan is empty, and prunes nothing", async () => {
  const empty = await runOnce(aBackup({ units: () => [] }));
  assert.equal(empty.status, "failed");
  assert.equal(empty.manifest?.warnings[0]?.code, "SOURCE_EMPTY");
  assert.equal(empty.prune, undefined);
  const fails = () => new SourceError("SOURCE_FORBIDDEN", "no");
  assert.equal((await runOnce(aBackup({ units: () => [{ id: "a", fails }] }))).status, "failed");
});

test("an empty source is skipped, but a source that was not empty before has failed", async () => {
  const empty = () => new SourceError("SOURCE_EMPTY", "holds no refs");
  let units: readonly ScriptedUnit[] = [
    { id: "e", fails: empty },
    { id: "a", items: { "a.json": "a" } },
  ];
  const a = aBackup({ units: () => units });
  const first = await runOnce(a);
  assert.equal(first.status, "ok");
  assert.equal(first.manifest?.units[0]?.status, "skipped");
  units = [
    { id: "e", fails: empty },
    { id: "a", fails: empty },
  ];
  a.later(60);
  const second = await runOnce(a);
  assert.equal(second.manifest?.units[0]?.status, "skipped");
  assert.equal(second.manifest?.units[1]?.status, "failed");
  assert.match(second.manifest?.units[1]?.error?.message ?? "", /not empty in snapshot 2026-11-22T030000Z/);
});

test("an unchanged unit is not opened again, and the second snapshot is complete by itself", async () => {
  const a = aBackup({ units: () => [{ id: "a", fingerprint: "f1", items: { "a.json": "content" } }] });
  await runOnce(a);
  a.later(60);
  const second = await runOnce(a);
  assert.equal(second.manifest?.units[0]?.status, "unchanged");
  assert.equal(second.manifest?.units[0]?.reusedFrom, "2026-11-22T030000Z");
  assert.equal(second.verification?.ok, true);
  assert.equal(second.verification?.artifacts[0]?.proof?.level, "restored");
  assert.deepEqual(a.source.opened, ["a/a.json"]);
  assert.ok((await contentsOf(a.storage)).has("docs/2026-11-22/030100Z/a/a.json.zst"));
});

test("what was not verified, or is gone from the storage, is not reused", async () => {
  const a = aBackup({ units: () => [{ id: "a", fingerprint: "f1", items: { "a.json": "content" } }] });
  await runOnce(a);
  await a.storage.remove([`${FOLDER}a/a.json.zst`]);
  a.later(60);
  assert.equal((await runOnce(a)).manifest?.units[0]?.status, "ok");
  assert.equal(a.source.opened.length, 2);
  await a.storage.remove(["docs/2026-11-22/030100Z/verified.json", `${FOLDER}verified.json`]);
  a.later(60);
  assert.equal((await runOnce(a)).manifest?.units[0]?.status, "ok");
  assert.equal(a.source.opened.length, 3);
});

test("an artifact that was found damaged is collected anew by the next run, and no snapshot that shares it counts as good", async () => {
  const a = aBackup({
    units: () => [{ id: "a", fingerprint: "f1", items: { "a.json": "content" } }],
    jobs: [aJob({ verify: { checksum: 1, prove: true }, retention: { keep_last: 1, min_keep: 1, max_removals: 10 } })],
  });
  await runOnce(a);
  a.later(60);
  // As one hard-linked file is: damaged in every snapshot that names it.
  const copy = a.storage.copy;
  a.storage.copy = async (from, to) => {
    await a.storage.put(from, bytesOf("x".repeat((await a.storage.head(from))?.bytes ?? 0)));
    return copy(from, to);
  };
  const damaged = await runOnce(a);
  assert.equal(damaged.status, "failed");
  a.storage.copy = copy;
  const { decisions } = await prune(a.backup, { job: "docs", dryRun: true });
  assert.match(decisions[0]?.reason ?? "", /no snapshot is good/);
  a.later(60);
  const next = await runOnce(a);
  assert.equal(next.status, "ok");
  assert.equal(next.manifest?.units[0]?.status, "ok");
  assert.equal(a.source.opened.length, 2);
  a.later(60);
  assert.equal((await runOnce(a)).manifest?.units[0]?.status, "unchanged");
});

test("a passing fault is tried again, and the attempts are counted", async () => {
  let left = 1;
  const fails = () => (left-- > 0 ? new TransientError("SOURCE_UNAVAILABLE", "503") : undefined);
  const { manifest } = await runOnce(aBackup({ units: () => [{ id: "a", items: { "a.json": "a" }, fails }] }));
  assert.equal(manifest?.units[0]?.status, "ok");
  assert.equal(manifest?.units[0]?.attempts, 2);
  assert.equal(manifest?.units[0]?.artifacts.length, 1);
});

test("a unit that takes longer than its timeout fails with UNIT_TIMEOUT and stores nothing", async () => {
  async function* slow() {
    for (;;) {
      yield new Uint8Array(10);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
  const a = aBackup({ jobs: [aJob({ timeoutMs: 100 })], units: () => [{ id: "a", items: { "a.json": slow } }] });
  const { manifest } = await runOnce(a);
  assert.equal(manifest?.units[0]?.error?.code, "UNIT_TIMEOUT");
  assert.equal((await contentsOf(a.storage)).has(`${FOLDER}a/a.json.zst`), false);
});

test("an interrupt is in the records of the running units, and makes no snapshot", async () => {
  const controller = new AbortController();
  async function* interrupted() {
    yield new Uint8Array(10);
    controller.abort(new InterruptedError("SIGINT"));
    yield new Uint8Array(10);
  }
  const units = [
    { id: "a", items: { "a.json": interrupted } },
    { id: "b", items: { "b.json": "b" } },
  ];
  const a = aBackup({ units: () => units, signal: controller.signal, jobs: [aJob({ concurrency: 1 })] });
  const job = await runOnce(a);
  assert.equal(job.status, "interrupted");
  const contents = await contentsOf(a.storage);
  const documents = ["plan.jsonl", "run.json", "units/0.json"].map((name) => `${FOLDER}.run/${name}`);
  assert.deepEqual([...contents.keys()], ["docs/.lease", ...documents]);
  assert.match(contents.get(`${FOLDER}.run/units/0.json`)?.toString() ?? "", /"code": "INTERRUPTED"/);
});

test("two runs planned in one second are two snapshots", async () => {
  const a = aBackup();
  const [one, two] = await Promise.all([
    plan(a.backup, { job: "docs", resume: "never" }),
    plan(a.backup, { job: "docs", resume: "never" }),
  ]);
  assert.deepEqual([one.snapshot, two.snapshot].sort(), ["2026-11-22T030000Z", "2026-11-22T030001Z"]);
});

test("two units of one name are refused before anything is stored", async () => {
  const a = aBackup({ units: () => [{ id: "a" }, { id: "a" }] });
  await assert.rejects(plan(a.backup, { job: "docs", resume: "never" }), ConfigError);
  assert.equal((await contentsOf(a.storage)).size, 0);
});

test("a unit that was stored before and is no longer listed is warned about", async () => {
  let units: readonly ScriptedUnit[] = [
    { id: "a", items: { "a.json": "a" } },
    { id: "b", items: { "b.json": "b" } },
  ];
  const a = aBackup({ units: () => units });
  await runOnce(a);
  units = units.slice(0, 1);
  a.later(60);
  const { manifest } = await runOnce(a);
  assert.deepEqual(
    manifest?.warnings.map(({ code, unit }) => [code, unit]),
    [["SOURCE_ABSENT", "b"]],
  );
  assert.equal(manifest?.previous?.snapshot, "2026-11-22T030000Z");
});

test("an artifact that changes in the storage before it is verified makes the job fail, and prunes nothing", async () => {
  const inner = memoryStorage();
  const flipping: Storage = {
    ...inner,
    async put(key, body, options) {
      const stored = await inner.put(key, body, options);
      if (key.endsWith("manifest.json")) await inner.put(`${FOLDER}a/a.json.zst`, bytesOf("other"));
      return stored;
    },
  };
  const job = await runOnce(aBackup({ storage: flipping }));
  assert.equal(job.status, "failed");
  assert.equal(job.error?.code, "INTEGRITY_MISMATCH");
  assert.equal(job.verification?.ok, false);
  assert.equal(job.prune, undefined);
});

test("a proof that fails makes the job fail", async () => {
  const a = aBackup();
  a.source.state.provesFail = true;
  const job = await runOnce(a);
  assert.equal(job.status, "failed");
  assert.equal(job.error?.code, "PROOF_FAILED");
});

test("a failed job leaves the others alone, but after a fatal one no more are begun", async () => {
  const jobs = [aJob({ name: "one" }), aJob({ name: "two" })];
  const fails = () => new SourceError("SOURCE_FORBIDDEN", "no");
  const units = () => [{ id: "a", fails }];
  const alone = await runJobs(aBackup({ jobs, units }).backup, ["one", "two"]);
  assert.deepEqual(
    alone.jobs.map((job) => job.skippedBecause),
    [undefined, undefined],
  );
  const fatal = await runJobs(
    aBackup({ jobs: [aJob({ name: "one", fatal: true }), aJob({ name: "two" })], units }).backup,
    ["one", "two"],
  );
  assert.equal(fatal.jobs[1]?.skippedBecause, "one is fatal and did not succeed");
  assert.equal(fatal.jobs[1]?.snapshot, undefined);
});

test("a secret in an error or a warning reaches no document and no log line", async () => {
  const canary = "canary-7f3a91";
  const units = () => [
    {
      id: "a",
      items: { "a.json": "a" },
      warnings: [{ code: "ODD", message: `seen ${canary}` }],
      fails: () => new SourceError("SOURCE_FORBIDDEN", `https://x:${canary}@host refused`),
    },
  ];
  const a = aBackup({ units });
  a.backup.redaction.add(canary);
  const job = await runOnce(a);
  assert.equal(job.manifest?.units[0]?.error?.code, "SOURCE_FORBIDDEN");
  const everything =
    [...(await contentsOf(a.storage)).values()].join("") + a.lines.join("\n") + JSON.stringify([job, a.events]);
  assert.match(everything, /\*\*\*@host refused/);
  assert.equal(everything.includes(canary), false);
});
