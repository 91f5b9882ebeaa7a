import assert from "node:assert/strict";
import { test } from "node:test";
import { bytesOf } from "../../lib/bytes.ts";
import type { Manifest, Verification } from "../../lib/manifest.ts";
import { THREAD_FROM_BYTES } from "../../lib/measure-owned.ts";
import { prune } from "../../lib/prune.ts";
import { runJobs } from "../../lib/run.ts";
import { memoryStorage } from "../../lib/storage/memory.ts";
import type { Storage } from "../../lib/storage/storage.ts";
import { verify } from "../../lib/verify.ts";
import { aBackup, contentsOf } from "../support/a-backup.ts";
import { threadsDuring } from "../support/started-threads.ts";

const FOLDER = "docs/2026-11-22/030000Z/";
const ARTIFACT = `${FOLDER}a/a.json.zst`;
const latest = { job: "docs", snapshot: "latest" } as const;

async function aFinishedRun() {
  const a = aBackup({
    units: () => [
      { id: "a", items: { "a.json": "content of a".repeat(100) } },
      { id: "b", items: { "b.json": "b" } },
    ],
  });
  assert.equal((await runJobs(a.backup, ["docs"])).status, "ok");
  return a;
}

/** Right before verified.json is written the manifest is asked for a second time: the first one was to read it. */
function beforeRecording(storage: Storage, happens: () => Promise<void>): Storage {
  let asked = 0;
  return {
    ...storage,
    async head(key) {
      asked += 1;
      if (asked === 2) await happens();
      return storage.head(key);
    },
  };
}

async function change(storage: Storage, key: string, edit: (content: Buffer) => Uint8Array): Promise<void> {
  const content = (await contentsOf(storage)).get(key);
  assert.ok(content);
  await storage.put(key, bytesOf(edit(content)));
}

function flipped(content: Buffer): Buffer {
  const copy = Buffer.from(content);
  copy[copy.length >> 1] = (copy[copy.length >> 1] ?? 0) ^ 1;
  return copy;
}

const damages: readonly [string, (storage: Storage) => Promise<void>, RegExp][] = [
  ["a flipped bit", (storage) => change(storage, ARTIFACT, flipped), /a\/a\.json\.zst has another SHA-256/],
  [
    "a cut artifact",
    (storage) => change(storage, ARTIFACT, (content) => content.subarray(0, -1)),
    /a\/a\.json\.zst has \d+ bytes instead of/,
  ],
  [
    "junk behind an artifact",
    (storage) => change(storage, ARTIFACT, (content) => Buffer.concat([content, Buffer.from("x")])),
    /a\/a\.json\.zst has \d+ bytes instead/,
  ],
  ["a deleted artifact", (storage) => storage.remove([ARTIFACT]), /a\/a\.json\.zst is not in the storage/],
  [
    "an edited manifest",
    (storage) =>
      change(storage, `${FOLDER}manifest.json`, (content) =>
        Buffer.from(content.toString().replace('"durationMs": 0', '"durationMs": 1')),
      ),
    /manifest\.json/,
  ],
  [
    "a manifest that is not JSON",
    (storage) => change(storage, `${FOLDER}manifest.json`, () => Buffer.from("{")),
    /manifest\.json is not JSON/,
  ],
  [
    "an edited SHA256SUMS",
    (storage) =>
      change(storage, `${FOLDER}SHA256SUMS`, (content) => Buffer.from(content.toString().replace(/^./, "f"))),
    /SHA256SUMS/,
  ],
  ["a deleted SHA256SUMS", (storage) => storage.remove([`${FOLDER}SHA256SUMS`]), /SHA256SUMS is missing/],
];

for (const [name, damage, expected] of damages) {
  for (const mode of ["checksum", "prove"] as const) {
    test(`${name} is found and named by verify (${mode}), again and again`, async () => {
      const a = await aFinishedRun();
      await damage(a.storage);
      for (let times = 0; times < 2; times += 1) {
        const verification = await verify(a.backup, { ...latest, mode });
        assert.equal(verification.ok, false);
        const messages = [...verification.faults, ...verification.artifacts.flatMap(({ error }) => error ?? [])];
        assert.match(messages.map(({ message }) => message).join("\n"), expected);
      }
    });
  }
}

test("a manifest that was changed together with its list of digests is still not the one that was verified", async () => {
  const a = await aFinishedRun();
  await change(a.storage, `${FOLDER}manifest.json`, (content) =>
    Buffer.from(content.toString().replace('"attempts": 1', '"attempts": 2')),
  );
  const { createHash } = await import("node:crypto");
  const digest = createHash("sha256")
    .update((await contentsOf(a.storage)).get(`${FOLDER}manifest.json`) ?? "")
    .digest("hex");
  await change(a.storage, `${FOLDER}SHA256SUMS`, (content) =>
    Buffer.from(content.toString().replace(/^.{64} {2}manifest/m, `${digest}  manifest`)),
  );
  for (let times = 0; times < 2; times += 1) {
    const { ok, faults } = await verify(a.backup, { ...latest, mode: "checksum" });
    assert.equal(ok, false);
    assert.match(faults[0]?.message ?? "", /not the one that was verified before/);
  }
});

test("the successor of a changed manifest gives it away", async () => {
  const a = await aFinishedRun();
  a.later(60);
  await runJobs(a.backup, ["docs"]);
  const manifest = JSON.parse(
    (await contentsOf(a.storage)).get("docs/2026-11-22/030100Z/manifest.json")?.toString() ?? "",
  ) as Manifest;
  assert.equal(manifest.previous?.snapshot, "2026-11-22T030000Z");
  await a.storage.remove([`${FOLDER}verified.json`]);
  await change(a.storage, `${FOLDER}manifest.json`, (content) =>
    Buffer.from(content.toString().replace('"attempts": 1', '"attempts": 2')),
  );
  const { faults } = await verify(a.backup, { job: "docs", snapshot: "2026-11-22T030000Z", mode: "checksum" });
  assert.match(
    faults.map(({ message }) => message).join("\n"),
    /not the one that snapshot 2026-11-22T030100Z followed/,
  );
});

test("checking digests again keeps the proof that there is", async () => {
  const a = await aFinishedRun();
  const { ok, proved, artifacts } = await verify(a.backup, { ...latest, mode: "checksum" });
  assert.deepEqual([ok, proved, artifacts[0]?.proof?.level], [true, 2, "restored"]);
});

test("with a share of 10 % every reused artifact is read again within ten runs, and inherits its proof in between", async () => {
  const units = Array.from({ length: 20 }, (_, n) => ({
    id: `u${n}`,
    fingerprint: "same",
    items: { "x.json": `content ${n}` },
  }));
  const a = aBackup({ units: () => units });
  await runJobs(a.backup, ["docs"]);
  const read = new Set<string>();
  for (let run = 0; run < 10; run += 1) {
    a.later(60);
    const { jobs } = await runJobs(a.backup, ["docs"]);
    const verification = jobs[0]?.verification;
    assert.equal(verification?.proved, 20);
    const checked = verification?.artifacts.filter(({ checksum }) => checksum === "ok") ?? [];
    assert.equal(checked.length, 2);
    for (const { path } of checked) read.add(path);
  }
  assert.equal(read.size, 20);
});

test("a copy that the storage did not confirm is read in the run's verification, and once it was is as any other", async () => {
  const units = Array.from({ length: 20 }, (_, n) => ({
    id: `u${n}`,
    fingerprint: "same",
    items: { "x.json": `${n}` },
  }));
  const inner = memoryStorage();
  let confirms = false;
  const storage: Storage = {
    ...inner,
    async copy(from, to, options) {
      const copied = await inner.copy(from, to, options);
      return confirms ? copied : { ...copied, unconfirmed: true };
    },
  };
  const a = aBackup({ units: () => units, storage });
  await runJobs(a.backup, ["docs"]);
  const readBy = (found: Verification | undefined) =>
    found?.artifacts.filter(({ checksum }) => checksum === "ok").length;
  const nextRun = async () => {
    a.later(60);
    const { manifest, verification } = (await runJobs(a.backup, ["docs"])).jobs[0] ?? {};
    assert.deepEqual([manifest?.totals.unchanged, verification?.proved], [20, 20]);
    const artifacts = manifest?.units.flatMap((unit) => unit.artifacts) ?? [];
    return { unconfirmed: artifacts.filter((one) => one.unconfirmedCopy).length, read: readBy(verification) };
  };
  assert.deepEqual(await nextRun(), { unconfirmed: 20, read: 20 });
  assert.equal(readBy(await verify(a.backup, { ...latest, mode: "policy" })), 2);
  confirms = true;
  assert.deepEqual(await nextRun(), { unconfirmed: 0, read: 2 });
});

test("a storage that cannot be read just now says nothing about the snapshot", async () => {
  const a = await aFinishedRun();
  const before = (await contentsOf(a.storage)).get(`${FOLDER}verified.json`);
  const broken: Storage = {
    ...a.storage,
    get: async (key) => {
      if (key !== ARTIFACT) return a.storage.get(key);
      const { TransientError } = await import("../../lib/errors.ts");
      throw new TransientError("STORAGE_FAILED", "input/output error");
    },
  };
  await assert.rejects(
    verify({ ...a.backup, storage: async () => broken }, { ...latest, mode: "checksum" }),
    /input\/output error/,
  );
  assert.deepEqual((await contentsOf(a.storage)).get(`${FOLDER}verified.json`), before);
});

test("a thread that dies while it hashes says nothing about the snapshot", async () => {
  const a = await aFinishedRun();
  // What is said to be so long is hashed on a thread.
  await change(a.storage, `${FOLDER}manifest.json`, (content) =>
    Buffer.from(content.toString().replace(/(a\.json\.zst",\s+"bytes": )\d+/, `$1${THREAD_FROM_BYTES}`)),
  );
  for (const mode of ["checksum", "prove"] as const) {
    const threads = await threadsDuring(
      async () => {
        // The manifest that was changed for it is told; of the artifact nothing is.
        const { artifacts, faults } = await verify(a.backup, { ...latest, mode });
        assert.deepEqual([artifacts.flatMap(({ error }) => error ?? []), faults.length > 0], [[], true]);
        assert.ok(a.lines.some((line) => line.includes("the thread that hashes has ended")));
      },
      (thread) => void thread.terminate(),
    );
    assert.ok(threads.length > 0);
  }
});

test("two that verify at the same time: a fault that one found is not replaced by the other's success", async () => {
  const { backup, storage, later } = await aFinishedRun();
  later(60);
  // The other one finds the damage, and records it, while this one is about to end well.
  const slow = beforeRecording(storage, async () => {
    await change(storage, ARTIFACT, flipped);
    assert.equal((await verify(backup, { ...latest, mode: "checksum" })).ok, false);
  });
  const meanwhile = { ...backup, storage: async () => slow };
  const result = await verify(meanwhile, { ...latest, mode: "checksum" });
  const recorded = JSON.parse((await contentsOf(storage)).get(`${FOLDER}verified.json`)?.toString() ?? "");
  assert.equal(recorded.ok, false);
  assert.deepEqual(result, recorded);
});

test("a snapshot that is removed while it is verified is told as gone, and nothing is written for it", async () => {
  const { backup, storage } = await aFinishedRun();
  const all = [...(await contentsOf(storage)).keys()].filter((key) => key.startsWith(FOLDER));
  const pruned = beforeRecording(storage, () => storage.remove(all));
  const meanwhile = { ...backup, storage: async () => pruned };
  await assert.rejects(verify(meanwhile, { ...latest, mode: "prove" }), { code: "NOT_FOUND" });
  assert.deepEqual(
    [...(await contentsOf(storage)).keys()].filter((key) => key.startsWith(FOLDER)),
    [],
  );
});

test("a verified.json that was written in the moment of its snapshot's removal goes with the next prune", async () => {
  const { backup, storage, later } = await aFinishedRun();
  const verified = (await contentsOf(storage)).get(`${FOLDER}verified.json`);
  assert.ok(verified);
  for (let run = 0; run < 2; run += 1) {
    later(86_400);
    assert.equal((await runJobs(backup, ["docs"])).status, "ok");
  }
  await storage.remove([...(await contentsOf(storage)).keys()].filter((key) => key.startsWith(FOLDER)));
  await storage.put(`${FOLDER}verified.json`, bytesOf(verified));
  const [job] = backup.config.jobs;
  assert.ok(job);
  const strict = { ...backup.config, jobs: [{ ...job, retention: { keep_last: 2, min_keep: 1, max_removals: 10 } }] };
  const { removed } = await prune({ ...backup, config: strict }, { job: "docs", dryRun: false });
  assert.deepEqual(removed, ["2026-11-22T030000Z"]);
  assert.equal(await storage.head(`${FOLDER}verified.json`), undefined);
});
