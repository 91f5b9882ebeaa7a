import assert from "node:assert/strict";
import { test } from "node:test";
import { bytesOf } from "../../lib/bytes.ts";
import { damageSeen } from "../../lib/damage.ts";
import { CodedError } from "../../lib/errors.ts";
import type { StepPointer } from "../../lib/function-steps.ts";
import { concludeStep, splitStep, verifyPartStep } from "../../lib/function-verify.ts";
import { snapshotPrefix } from "../../lib/keys.ts";
import type { Artifact } from "../../lib/manifest.ts";
import { prune } from "../../lib/prune.ts";
import { runJobs } from "../../lib/run.ts";
import { snapshotsNewestFirst } from "../../lib/snapshots.ts";
import type { Storage } from "../../lib/storage/storage.ts";
import { type VerifyInput, verify } from "../../lib/verify.ts";
import { aBackup, aJob } from "../support/a-backup.ts";
import { steppedRun } from "../support/stepped-run.ts";

const retention = { keep_last: 1, min_keep: 1, max_removals: 10 };
const first = "2026-11-22T030000Z";
const second = "2026-11-23T030000Z";

/** Two nights with other contents: the first snapshot restores, and of the second nobody looked yet beyond its digests. */
async function twoNights() {
  const contents = ["content of the first night", "content of the second night"];
  let night = 0;
  const a = aBackup({
    jobs: [aJob({ retention: { ...retention, keep_last: 9 }, verify: { checksum: 0.1, prove: false } })],
    units: () => [{ id: "a", items: { "a.json": contents[night] } }],
  });
  for (; night < 2; night += 1) {
    assert.equal((await runJobs(a.backup, ["docs"])).status, "ok");
    a.later(86_400);
  }
  const check = async (mode: VerifyInput["mode"], storage: Storage = a.storage) => {
    a.later(60);
    return verify({ ...a.backup, storage: async () => storage }, { job: "docs", snapshot: second, mode });
  };
  const pruned = async () => {
    const [job] = a.backup.config.jobs;
    const strict = {
      ...a.backup,
      config: { ...a.backup.config, jobs: job === undefined ? [] : [{ ...job, retention }] },
    };
    return (await prune(strict, { job: "docs", dryRun: false })).removed;
  };
  return { ...a, check, pruned };
}

for (const mode of ["checksum", "policy"] as const) {
  test(`the right digests (${mode}) do not make a snapshot good whose proof failed, and prune keeps the one before`, async () => {
    const { source, check, pruned } = await twoNights();
    source.state.provesFail = true;
    const failed = await check("prove");
    const [artifact] = failed.artifacts;
    assert.deepEqual([failed.ok, artifact?.checksum, artifact?.error?.code], [false, "ok", "PROOF_FAILED"]);
    for (let times = 0; times < 2; times += 1) {
      const { ok, proved, artifacts } = await check(mode);
      assert.deepEqual([ok, proved, artifacts[0]?.checksum, artifacts[0]?.error], [false, 0, "ok", artifact?.error]);
      assert.deepEqual(await pruned(), []);
    }
  });
}

test("a proof that goes less far does not undo one that failed, and one that goes as far does", async () => {
  const { source, check, pruned } = await twoNights();
  source.state.fullProofFails = true;
  assert.equal((await check("full")).ok, false);
  assert.equal((await check("prove")).ok, false);
  assert.equal((await check("checksum")).ok, false);
  source.state.provesFail = true;
  assert.equal((await check("prove")).ok, false, "the deeper failure outlives a later one");
  source.state.provesFail = false;
  assert.equal((await check("prove")).ok, false);
  assert.deepEqual(await pruned(), []);
  source.state.fullProofFails = false;
  const { ok, artifacts } = await check("full");
  assert.deepEqual([ok, artifacts[0]?.proof?.level, artifacts[0]?.failedProof], [true, "full", undefined]);
  assert.equal((await check("checksum")).ok, true);
  assert.deepEqual(await pruned(), [first]);
});

test("a full proof that could only read, and failed, is undone by one that reads; a failed full one before it is not", async () => {
  const { source, check } = await twoNights();
  Object.assign(source.state, { onlyReads: true, provesFail: true });
  assert.equal((await check("full")).artifacts[0]?.failedProof?.level, "read");
  source.state.provesFail = false;
  const undone = await check("full");
  assert.deepEqual([undone.ok, undone.artifacts[0]?.proof?.level], [true, "read"]);
  Object.assign(source.state, { onlyReads: false, fullProofFails: true });
  assert.equal((await check("full")).ok, false);
  Object.assign(source.state, { onlyReads: true, provesFail: true });
  assert.equal((await check("full")).artifacts[0]?.failedProof?.level, "full");
  Object.assign(source.state, { provesFail: false, fullProofFails: false });
  assert.equal((await check("full")).ok, false, "reading goes less far than what failed");
});

test("bytes that could not be read right for a while do not make a failed proof forgotten", async () => {
  const { storage, source, check } = await twoNights();
  source.state.provesFail = true;
  assert.equal((await check("prove")).ok, false);
  const gone: Storage = {
    ...storage,
    get: (key) => storage.get(key.endsWith("a.json.zst") ? "nothing" : key),
  };
  assert.equal((await check("checksum", gone)).artifacts[0]?.error?.code, "INTEGRITY_MISSING");
  assert.equal((await check("checksum")).artifacts[0]?.error?.code, "PROOF_FAILED");
});

test("a proof that fails for one process stays when another one, which began before, finds something else wrong", async () => {
  const { storage, source, check } = await twoNights();
  let meanwhile: Promise<unknown> | undefined;
  const slow: Storage = {
    ...storage,
    async get(key) {
      if (!key.endsWith("a.json.zst")) return storage.get(key);
      source.state.provesFail = true;
      meanwhile ??= check("prove");
      await meanwhile;
      return storage.get("nothing");
    },
  };
  assert.equal((await check("checksum", slow)).ok, false);
  assert.equal((await check("checksum")).artifacts[0]?.error?.code, "PROOF_FAILED");
});

test("an artifact that a later snapshot took over is as little proved there, by its digest or by an older proof", async () => {
  const unit = { id: "a", fingerprint: "same", items: { "a.json": "a" } };
  const a = aBackup({
    jobs: [aJob({ verify: { checksum: 1, prove: true }, retention: { ...retention, keep_last: 9 } })],
    units: () => [unit],
  });
  for (let night = 0; night < 2; night += 1) {
    assert.equal((await runJobs(a.backup, ["docs"])).status, "ok");
    a.later(86_400);
  }
  a.source.state.provesFail = true;
  assert.equal((await verify(a.backup, { job: "docs", snapshot: first, mode: "prove" })).ok, false);
  assert.equal((await verify(a.backup, { job: "docs", snapshot: second, mode: "checksum" })).ok, false);
  a.source.state.provesFail = false;
  a.later(60);
  assert.equal((await verify(a.backup, { job: "docs", snapshot: second, mode: "prove" })).ok, true);
});

for (const [failedIn, provedIn] of [
  [first, second],
  [second, first],
] as const)
  test(`what failed its proof in ${failedIn} is damaged in all that hold it, digest or not, until it is proved in ${provedIn}`, async () => {
    const unit = { id: "a", fingerprint: "same", items: { "a.json": "a" } };
    const a = aBackup({ jobs: [aJob({ verify: { checksum: 1, prove: true } })], units: () => [unit] });
    for (let night = 0; night < 2; night += 1) {
      assert.equal((await runJobs(a.backup, ["docs"])).status, "ok");
      a.later(86_400);
    }
    a.source.state.provesFail = true;
    await verify(a.backup, { job: "docs", snapshot: failedIn, mode: "prove" });
    a.source.state.provesFail = false;
    const isDamaged = async () => {
      const damage = damageSeen();
      let artifact: Artifact | undefined;
      for await (const entry of snapshotsNewestFirst(a.storage, "docs")) {
        damage.see(entry);
        artifact = entry.manifest?.units[0]?.artifacts[0];
      }
      return artifact !== undefined && damage.has(artifact);
    };
    assert.equal(await isDamaged(), true);
    a.later(60);
    await verify(a.backup, { job: "docs", snapshot: provedIn, mode: "prove" });
    assert.equal(await isDamaged(), false);
  });

test("prune goes by a later proof in any snapshot, also in one that it reads after another", async () => {
  const unit = { id: "a", fingerprint: "same", items: { "a.json": "a" } };
  const a = aBackup({
    jobs: [aJob({ verify: { checksum: 1, prove: true }, retention: { ...retention, keep_last: 9 } })],
    units: () => [unit],
  });
  for (let night = 0; night < 3; night += 1) {
    assert.equal((await runJobs(a.backup, ["docs"])).status, "ok");
    a.later(86_400);
  }
  const reasons = async () =>
    (await prune(a.backup, { job: "docs", dryRun: true })).decisions.map(({ snapshot, reason }) => [snapshot, reason]);
  const third = "2026-11-24T030000Z";
  const goods = await reasons();
  assert.deepEqual(
    goods.map(([, reason]) => reason),
    ["kept: newest good snapshot; last 1 of 9", "kept: last 2 of 9", "kept: last 3 of 9"],
  );
  // The newest alone knows of the failure, and the oldest alone of the proof.
  a.source.state.provesFail = true;
  await verify(a.backup, { job: "docs", snapshot: third, mode: "prove" });
  a.source.state.provesFail = false;
  for (const [, reason] of await reasons()) assert.match(reason ?? "", /no snapshot is good/);
  a.later(60);
  await verify(a.backup, { job: "docs", snapshot: first, mode: "prove" });
  assert.deepEqual(await reasons(), [
    [third, "kept: not verified, newer than the newest good snapshot; not verified, among the last 9 of any kind"],
    [second, "kept: newest good snapshot; last 1 of 9"],
    [first, "kept: last 2 of 9"],
  ]);
});

test("verified in parts a snapshot does not become good either by the right digests of what failed its proof", async () => {
  const a = aBackup({
    jobs: [aJob({ verify: { checksum: 1, prove: false } })],
    units: () => [{ id: "a", items: { "a.json": "a", "b.json": "b" } }],
  });
  const pointer = await steppedRun(a);
  const inParts = async (run: StepPointer, between: () => Promise<unknown>) => {
    const { parts } = await splitStep(a.backup, run);
    await between();
    for (let n = 0; n < parts; n += 1) await verifyPartStep(a.backup, run, { n, compute: "lambda" });
    return concludeStep(a.backup, run, 0);
  };
  const prove = async () => {
    a.later(60);
    a.source.state.provesFail = true;
    const { ok } = await verify(a.backup, { job: "docs", snapshot: pointer.snapshot, mode: "prove" });
    assert.equal(ok, false);
  };
  assert.deepEqual(await inParts(pointer, prove), { status: "failed", verified: false, proved: 0 });
});

test("what this machine could not prove hides no damage that was found beside it", async () => {
  const a = aBackup({
    jobs: [aJob({ verify: { checksum: 1, prove: false } })],
    units: () => [{ id: "a", items: { "a.json": "a", "b.json": "b" } }],
  });
  const [run] = (await runJobs(a.backup, ["docs"])).jobs;
  const snapshot = run?.snapshot ?? "";
  const prove = () => verify(a.backup, { job: "docs", snapshot, mode: "prove" });
  a.source.state.provesFail = new CodedError("PROOF_ABORTED", "git was killed");
  await assert.rejects(prove(), { code: "PROOF_ABORTED" });
  const [path = ""] = run?.manifest?.units[0]?.artifacts.map((artifact) => artifact.path) ?? [];
  await a.storage.put(`${snapshotPrefix("docs", snapshot)}${path}`, bytesOf("other bytes"));
  a.later(60);
  const found = await prove();
  assert.equal(found.ok, false);
  assert.deepEqual(
    found.artifacts.map(({ checksum, error, proof }) => [checksum, error?.code, proof]),
    [
      ["failed", "INTEGRITY_MISMATCH", null],
      ["ok", undefined, null],
    ],
  );
  assert.ok(a.lines.some((line) => line.includes("git was killed")));
  for await (const entry of snapshotsNewestFirst(a.storage, "docs")) assert.equal(entry.verification?.ok, false);
});

test("nor across the parts of a verification", async () => {
  const a = aBackup({
    jobs: [aJob({ verify: { checksum: 1, prove: true } })],
    units: () => [{ id: "a", items: { "a.json": "a", "b.json": "b" } }],
  });
  const pointer = await steppedRun(a);
  const { parts } = await splitStep(a.backup, pointer);
  assert.equal(parts, 2);
  await a.storage.put(`${snapshotPrefix("docs", pointer.snapshot)}a/a.json.zst`, bytesOf("other bytes"));
  await verifyPartStep(a.backup, pointer, { n: 0, compute: "lambda" });
  a.source.state.provesFail = new CodedError("PROOF_ABORTED", "git was killed");
  await assert.rejects(verifyPartStep(a.backup, pointer, { n: 1, compute: "lambda" }), { code: "PROOF_ABORTED" });
  assert.deepEqual(await concludeStep(a.backup, pointer, 2), { status: "failed", verified: false, proved: 0 });
  for await (const { verification } of snapshotsNewestFirst(a.storage, "docs"))
    assert.deepEqual(
      verification?.artifacts.map(({ path, error }) => [path, error?.code]),
      [["a/a.json.zst", "INTEGRITY_MISMATCH"]],
    );
});
