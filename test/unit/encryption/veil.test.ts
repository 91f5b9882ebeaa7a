import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import * as fc from "fast-check";
import { bytesOf } from "../../../lib/bytes.ts";
import { openEncryption } from "../../../lib/encryption/all.ts";
import type { Encryption } from "../../../lib/encryption/encryption.ts";
import { openDocument, sealDocument, sealedBytes } from "../../../lib/encryption/veil/documents.ts";
import { veiledNames } from "../../../lib/encryption/veil/names.ts";
import { plainSums, veiledSums } from "../../../lib/encryption/veil/sums.ts";
import { veiledStorage } from "../../../lib/encryption/veil/veiled-storage.ts";
import { ConfigError, IntegrityError, LeaseLostError } from "../../../lib/errors.ts";
import { snapshotPrefix } from "../../../lib/keys.ts";
import { changeTold, nothingTold, readTold } from "../../../lib/notify/told.ts";
import { listUnits } from "../../../lib/plan.ts";
import { prune } from "../../../lib/prune.ts";
import { restore } from "../../../lib/restore/restore.ts";
import { runJobs } from "../../../lib/run.ts";
import { readEntry } from "../../../lib/snapshot-entry.ts";
import { fencedStorage } from "../../../lib/storage/fenced.ts";
import { memoryStorage } from "../../../lib/storage/memory.ts";
import type { Storage } from "../../../lib/storage/storage.ts";
import { surveyJob } from "../../../lib/survey-job.ts";
import { verify } from "../../../lib/verify.ts";
import { storageContract } from "../../contract/storage.ts";
import { aBackup, aJob, contentsOf } from "../../support/a-backup.ts";
import { collected, oddPieces } from "../../support/bytes.ts";

const KEY = new Uint8Array(32).fill(9);
const FOLDER = "docs/2026-11-22/030000Z/";
const since = "2026-11-26T03:00:00.000Z";
const RECIPIENT = "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj";

const encryption = () =>
  openEncryption(
    { type: "age", recipients: [RECIPIENT] },
    { secrets: { resolve: () => Promise.reject(new Error("none")) }, signal: new AbortController().signal },
  );
const veiled = (inner: Storage, { isWriting = true, key = KEY } = {}): Storage =>
  veiledStorage(inner, { key, isWriting, encryption });

/** The keys of a test as artifacts of one unit, where names are veiled. */
function inUnit(inner: Storage): Storage {
  const prefix = `${FOLDER}unit/`;
  const out = <T extends { readonly key: string }>(object: T): T => ({
    ...object,
    key: object.key.slice(prefix.length),
  });
  return {
    prepare: (owned) => inner.prepare(owned),
    put: async (key, body, options) => out(await inner.put(prefix + key, body, options)),
    get: (key) => inner.get(prefix + key),
    read: (key, maxBytes) => inner.read(prefix + key, maxBytes),
    async head(key) {
      const object = await inner.head(prefix + key);
      return object && out(object);
    },
    async *list(under) {
      for await (const object of inner.list(prefix + under)) yield out(object);
    },
    folders: (under) => inner.folders(prefix + under),
    copy: async (from, to, options) => out(await inner.copy(prefix + from, prefix + to, options)),
    remove: (keys) => inner.remove(keys.map((key) => prefix + key)),
  };
}

const subject = (storage: Storage) => async () => ({
  storage,
  leftovers: async () => [],
  [Symbol.asyncDispose]: async () => {},
});
storageContract("veiled around memory, for artifacts", () => subject(inUnit(veiled(memoryStorage())))());
storageContract("veiled around memory, outside of snapshots", () => subject(veiled(memoryStorage()))());

test("a name comes back only with its key and in its snapshot, tells nothing, and keeps to what a file system takes", () => {
  fc.assert(
    fc.property(fc.string({ minLength: 1, maxLength: 500, unit: "grapheme" }), (text) => {
      const path = text.toWellFormed().replaceAll("\0", "");
      const names = veiledNames(KEY);
      const name = names.veil(FOLDER, path);
      assert.equal(names.unveil(FOLDER, name), path);
      assert.equal(names.veil(FOLDER, path), name);
      assert.equal(names.unveil("docs/2026-11-23/030000Z/", name), undefined);
      assert.equal(veiledNames(randomBytes(32)).unveil(FOLDER, name), undefined);
      assert.match(name, /^objects(\/[a-z2-7]{1,180})+(\.age|\.gpg)?$/);
    }),
  );
});

test("a sealed document opens in its place only, whole, in any pieces; one of before is passed on", async () => {
  for (const size of [0, 1, 65_536, 200_000]) {
    const content = randomBytes(size);
    const sealed = await collected(sealDocument(KEY, "here", bytesOf(content)));
    assert.equal(sealed.byteLength, sealedBytes(size));
    assert.deepEqual(await collected(openDocument(KEY, "here", oddPieces(sealed))), content);
    await assert.rejects(collected(openDocument(KEY, "there", bytesOf(sealed))));
    await assert.rejects(collected(openDocument(KEY, "here", bytesOf(sealed.subarray(0, -1)))));
    await assert.rejects(collected(openDocument(randomBytes(32), "here", bytesOf(sealed))));
  }
  for (const clear of ["", "{}", "core-backup sealed document 2\n"]) {
    assert.equal(String(await collected(openDocument(KEY, "here", oddPieces(Buffer.from(clear))))), clear);
  }
});

test("SHA256SUMS speaks of veiled names in the store and of real ones to the steps", () => {
  const digest = "a".repeat(64);
  const plain = `${digest}  unit/a.tar.age\n${digest}  manifest.json\n`;
  const stored = veiledSums(plain, (path) => `objects/${path.length}`);
  assert.equal(stored, `${digest}  objects/14\n# ${digest}  manifest.json\n`);
  assert.equal(
    plainSums(stored, (name) => (name === "objects/14" ? "unit/a.tar.age" : name)),
    plain,
  );
});

/** A job whose every name is a word to look for. */
function namedBackup(storage: Storage) {
  const message = "canary-warning tells a name";
  return aBackup({
    storage,
    jobs: [aJob({ retention: { min_keep: 1, max_removals: 10, keep_last: 1 } })],
    units: () => [
      { id: "canary-org/canary-app", fingerprint: "canary-print", items: { "canary-item.json": "same content" } },
      { id: "canary-two", items: { "two.json": "two" }, warnings: [{ code: "CANARY", message }] },
    ],
    encryption: () => clearEncryption,
    decryption: () => ({ knows: () => undefined, decrypt: (stored) => stored, close: async () => {} }),
  });
}

/** Encrypts nothing, so that what a step reads back can be looked at; the veil itself uses age. */
const clearEncryption = {
  type: "age" as const,
  recipients: [RECIPIENT],
  isFor: async () => true,
  encrypt: (plain: AsyncIterable<Uint8Array>) => plain,
  restoreCommand: () => "true",
  close: async () => {},
};

test("runs, reuse, verification, restore and prune work behind the veil, and no name is in the store", async () => {
  const inner = memoryStorage();
  const a = namedBackup(veiled(inner));
  for (const expected of [
    ["ok", "ok"],
    ["unchanged", "ok"],
    ["unchanged", "ok"],
  ]) {
    const { jobs } = await runJobs(a.backup, ["docs"]);
    assert.equal(jobs[0]?.status, "ok", jobs[0]?.error?.message);
    assert.deepEqual(
      jobs[0]?.manifest?.units.map(({ status }) => status),
      expected,
    );
    assert.equal(jobs[0]?.verification?.ok, true);
    a.later(60);
  }
  const { ok, faults } = await verify(a.backup, { job: "docs", snapshot: "latest", mode: "prove" });
  assert.deepEqual([ok, faults], [true, []]);
  const stored = await contentsOf(inner);
  for (const [key, content] of stored) {
    assert.ok(!key.includes("canary"), key);
    assert.ok(!content.includes("canary"), key);
    assert.ok(!content.includes("unchanged"), key);
  }
  const kept = [...stored.keys()].filter((key) => key.endsWith("/manifest.json"));
  assert.equal(kept.length, 1, "prune removed what retention does not keep, and all of it");
  assert.equal(
    new Set([...stored.keys()].filter((key) => !key.startsWith("docs/.")).map((key) => key.slice(0, 23))).size,
    1,
  );
  assert.deepEqual((await prune(a.backup, { job: "docs", dryRun: false })).decisions.length, 1);
});

test("what was told of a job lies sealed, is changed by several at once, and one of before is read", async () => {
  const inner = memoryStorage();
  const storage = veiled(inner);
  const clear = { ...nothingTold("docs"), failing: { since, runs: 2 } };
  await inner.put("docs/.told.json", bytesOf(JSON.stringify(clear)));
  assert.equal((await readTold(storage, "docs")).failing?.runs, 2);
  await Promise.all(
    ["one", "two", "three"].map((notifier) =>
      changeTold(storage, "docs", (told) => ({
        ...told,
        undelivered: [...told.undelivered, { notifier, at: since, message: "org/secret-name" }],
      })),
    ),
  );
  assert.equal((await readTold(storage, "docs")).undelivered.length, 3);
  const stored = (await contentsOf(inner)).get("docs/.told.json")?.toString("latin1") ?? "";
  assert.ok(stored !== "" && !stored.includes("secret-name") && !stored.includes("docs"));
  const other = veiled(inner, { key: new Uint8Array(32).fill(1) });
  assert.deepEqual(await readTold(other, "docs"), nothingTold("docs"));
  // What a run with a mistyped key tells must not make the right one forget what is open.
  await assert.rejects(
    changeTold(other, "docs", (told) => ({ ...told, failing: null, undelivered: [], missed: { since, problems: [] } })),
    { code: "SEALED", message: /it stays as it is until it can be read, or is removed by hand$/ },
  );
  assert.equal((await readTold(storage, "docs")).failing?.runs, 2);
});

test("what was stored in the clear before goes on being listed, reused and pruned, and the other way round", async () => {
  const inner = memoryStorage();
  const statuses: (string | undefined)[] = [];
  for (const storage of [inner, veiled(inner), veiled(inner, { isWriting: false })]) {
    const a = namedBackup(storage);
    a.later(60 * (statuses.length + 1));
    const { jobs } = await runJobs(a.backup, ["docs"]);
    assert.equal(jobs[0]?.status, "ok", jobs[0]?.error?.message);
    statuses.push(jobs[0]?.manifest?.units[0]?.status);
  }
  assert.deepEqual(statuses, ["ok", "unchanged", "unchanged"]);
});

/** Copied there, as if a run with `key` had made it: a run itself refuses. */
async function runElsewhere(inner: Storage, key: Uint8Array<ArrayBuffer>, hours: number): Promise<void> {
  const other = memoryStorage();
  const a = namedBackup(veiled(other, { key }));
  a.later(hours * 3600);
  await runJobs(a.backup, ["docs"]);
  for (const [at, content] of await contentsOf(other))
    if (at.startsWith("docs/2")) await inner.put(at, bytesOf(content));
}

test("with another key, or none, a run is refused with nothing written, and prune takes nothing that the right one opens", async () => {
  const inner = memoryStorage();
  const another = new Uint8Array(32).fill(2);
  for (const hours of [0, 1, 2]) await runElsewhere(inner, KEY, hours);
  for (const storage of [inner, veiled(inner, { key: another })]) {
    const a = namedBackup(storage);
    a.later(3 * 3600);
    const before = await contentsOf(inner);
    const { jobs } = await runJobs(a.backup, ["docs"]);
    assert.deepEqual(
      [jobs[0]?.status, jobs[0]?.error?.code, jobs[0]?.snapshot],
      ["failed", "CONFIG_INVALID", undefined],
    );
    assert.match(jobs[0]?.error?.message ?? "", /2026-11-22T050000Z was sealed with another names_key/);
    await assert.rejects(
      listUnits(a.backup, "docs", { of: async () => ({}), all: () => [], compute: () => undefined }),
      ConfigError,
    );
    await verify(a.backup, { job: "docs", snapshot: "latest", mode: "checksum" });
    const after = await contentsOf(inner);
    for (const [key, content] of before) if (!key.endsWith(".lease")) assert.deepEqual(after.get(key), content, key);
    const survey = await surveyJob(storage, "docs", a.backup.now());
    assert.deepEqual([survey.faults, survey.lost], [[], []]);
    assert.deepEqual(
      survey.unread.map(({ code, snapshot }) => `${code} ${snapshot}`),
      ["SEALED 2026-11-22T050000Z", "SEALED 2026-11-22T040000Z", "SEALED 2026-11-22T030000Z"],
    );
  }
  await runElsewhere(inner, another, 3);
  const other = namedBackup(veiled(inner, { key: another }));
  other.later(4 * 3600);
  const { removed, decisions } = await prune(other.backup, { job: "docs", dryRun: false });
  assert.deepEqual(removed, []);
  for (const { reason } of decisions.slice(1))
    assert.equal(reason, "kept: its manifest is sealed, and does not open here: it may be good");
  const right = namedBackup(veiled(inner));
  right.later(4 * 3600);
  assert.match(
    (await prune(right.backup, { job: "docs", dryRun: false })).decisions[0]?.reason ?? "",
    /the newest run .* cannot be judged/,
  );
  await inner.remove(["docs/2026-11-22/060000Z/manifest.json"]);
  await inner.remove(["docs/.removals.json"]);
  const { ok } = await verify(right.backup, { job: "docs", snapshot: "2026-11-22T030000Z", mode: "prove" });
  assert.equal(ok, true);
});

test("where snapshots before the sealed ones open, a run says to move those away alone, and goes on once that is done", async () => {
  const inner = memoryStorage();
  await runElsewhere(inner, KEY, 0);
  for (const hours of [1, 2]) {
    await runElsewhere(inner, new Uint8Array(32).fill(2), hours);
    const a = namedBackup(veiled(inner));
    a.later(3 * 3600);
    const { jobs } = await runJobs(a.backup, ["docs"]);
    const those = hours === 1 ? "the folder of 2026-11-22T040000Z" : "the folders of the 2 newest";
    const said = `if that key was a mistake, move ${those} out of the job's folder \\(2026-11-22T030000Z before it opens\\), and put .* into removed of docs/.removals.json$`;
    assert.match(jobs[0]?.error?.message ?? "", new RegExp(said));
  }
  const removed = ["2026-11-22T040000Z", "2026-11-22T050000Z"];
  await inner.put("docs/.removals.json", bytesOf(JSON.stringify({ schemaVersion: 1, job: "docs", removed })));
  const gone = [...(await contentsOf(inner)).keys()].filter((key) => /^docs\/2026-11-22\/0[45]/.test(key));
  await inner.remove(gone);
  const a = namedBackup(veiled(inner));
  a.later(3 * 3600);
  const { jobs } = await runJobs(a.backup, ["docs"]);
  assert.deepEqual([jobs[0]?.status, jobs[0]?.manifest?.units[0]?.status], ["ok", "unchanged"]);
  const { faults, lost, unread } = await surveyJob(a.storage, "docs", a.backup.now());
  assert.deepEqual([faults, lost, unread], [[], [], []]);
});

test("a newest manifest that is damaged is no other key: the next run is made, and the damage is told as such", async () => {
  const inner = memoryStorage();
  const a = namedBackup(veiled(inner));
  await runJobs(a.backup, ["docs"]);
  a.later(3600);
  const key = "docs/2026-11-22/030000Z/manifest.json";
  const bytes = Buffer.from((await contentsOf(inner)).get(key) ?? "");
  bytes.writeUInt8(bytes.readUInt8(99) ^ 1, 99);
  await inner.put(key, bytesOf(bytes));
  const { faults } = await surveyJob(a.storage, "docs", a.backup.now());
  assert.match(faults[0]?.message ?? "", /is sealed and damaged/);
  const { jobs } = await runJobs(a.backup, ["docs"]);
  assert.deepEqual([jobs[0]?.status, jobs[0]?.prune?.removed], ["ok", []]);
  const { decisions } = await prune(a.backup, { job: "docs", dryRun: true });
  const copy = "beside it lies a copy, manifest.json.age or .gpg, that the private key alone opens";
  assert.equal(decisions[1]?.reason, `kept: its sealed manifest is damaged, and ${copy}: it may be good`);
});

test("a sealed verified.json that is damaged counts as none where its manifest opens, and is written anew", async () => {
  const inner = memoryStorage();
  const key = "docs/2026-11-22/030000Z/verified.json";
  const a = namedBackup(veiled(inner));
  await runJobs(a.backup, ["docs"]);
  const bytes = Buffer.from((await contentsOf(inner)).get(key) ?? "");
  bytes.writeUInt8(bytes.readUInt8(99) ^ 1, 99);
  await inner.put(key, bytesOf(bytes));
  const entryNow = () => readEntry(a.storage, "docs", "2026-11-22T030000Z");
  const damaged = await entryNow();
  assert.deepEqual([damaged?.verified, damaged?.fault, damaged?.mayBeGood], [false, undefined, undefined]);
  assert.equal((await verify(a.backup, { job: "docs", snapshot: "latest", mode: "checksum" })).ok, true);
  assert.equal((await entryNow())?.verified, true);
});

test("a verified.json that is sealed beside a manifest in the clear may be whole: who cannot open it replaces none, and says no ok", async () => {
  const inner = memoryStorage();
  await runJobs(namedBackup(inner).backup, ["docs"]);
  const input = { job: "docs", snapshot: "latest", mode: "checksum" } as const;
  assert.equal((await verify(namedBackup(veiled(inner)).backup, input)).ok, true);
  const key = "docs/2026-11-22/030000Z/verified.json";
  const before = (await contentsOf(inner)).get(key);
  for (const storage of [inner, veiled(inner, { key: randomBytes(32) })]) {
    const entry = await readEntry(storage, "docs", "2026-11-22T030000Z");
    assert.match(entry?.mayBeGood ?? "", /verified\.json is sealed/);
    const { ok, faults } = await verify(namedBackup(storage).backup, input);
    assert.deepEqual([ok, faults.map(({ code }) => code)], [false, ["SEALED"]]);
    assert.deepEqual((await contentsOf(inner)).get(key), before);
  }
});

test("without the key, and with another one, a snapshot is told as sealed and nothing of it is taken for good", async () => {
  const inner = memoryStorage();
  await runJobs(namedBackup(veiled(inner)).backup, ["docs"]);
  for (const storage of [inner, veiled(inner, { key: randomBytes(32) })]) {
    const { backup } = namedBackup(storage);
    const { ok, faults } = await verify(backup, { job: "docs", snapshot: "latest", mode: "checksum" });
    assert.equal(ok, false);
    assert.match(
      faults[0]?.message ?? "",
      /is sealed and does not open: names_key under encryption is missing or another/,
    );
    await assert.rejects(restore(backup, { job: "docs", to: "/nonexistent/x", force: false }), IntegrityError);
  }
});

test("a process that loses its lease while it encrypts the owner's copies replaces none of them", async () => {
  const inner = memoryStorage();
  const { jobs } = await runJobs(namedBackup(veiled(inner)).backup, ["docs"]);
  const key = `${snapshotPrefix("docs", jobs[0]?.manifest?.snapshot ?? "")}manifest.json`;
  const { content } = await veiled(inner).read(key, 1 << 20);
  const before = await contentsOf(inner);
  const lost = new LeaseLostError("taken by another");
  for (const encrypted of [1, 2]) {
    let left = encrypted;
    const suspending: Encryption = {
      ...(await encryption()),
      async *encrypt(plain) {
        left -= 1;
        yield* plain;
      },
    };
    const storage = veiledStorage(inner, { key: KEY, isWriting: true, encryption: async () => suspending });
    const fenced = fencedStorage(storage, async () => {
      if (left <= 0) throw lost;
    });
    await assert.rejects(fenced.put(key, bytesOf(content)), lost);
    const after = await contentsOf(inner);
    const kept = ["manifest.json", "manifest.json.age", ...(encrypted === 1 ? ["names.tsv.age"] : [])];
    for (const name of kept) {
      const at = key.replace("manifest.json", name);
      assert.ok(before.has(at), at);
      assert.deepEqual(after.get(at), before.get(at), `${name}, at the ${encrypted}. encryption`);
    }
  }
});
