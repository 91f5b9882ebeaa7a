import assert from "node:assert/strict";
import { test } from "node:test";
import { bytesOf } from "../../lib/bytes.ts";
import { NotFoundError, TransientError } from "../../lib/errors.ts";
import { plan } from "../../lib/plan.ts";
import { prune } from "../../lib/prune.ts";
import { runJobs } from "../../lib/run.ts";
import { entryStatus, type SnapshotEntry } from "../../lib/snapshot-entry.ts";
import {
  findChosen,
  findSnapshot,
  listSnapshots,
  newestSnapshot,
  runsNewestFirst,
  snapshotsNewestFirst,
  unfinishedRuns,
} from "../../lib/snapshots.ts";
import { memoryStorage } from "../../lib/storage/memory.ts";
import type { Storage } from "../../lib/storage/storage.ts";
import { verify } from "../../lib/verify.ts";
import { aBackup, aJob, contentsOf } from "../support/a-backup.ts";
import { sha256 } from "../support/bytes.ts";
import { faultyStorage } from "../support/faulty-storage.ts";

const FIRST = "docs/2026-11-22/030000Z/";
const LATER = new Date("2026-12-01T03:00:00Z");

async function aStoreOf(runs: number, storage: Storage = memoryStorage()): Promise<Storage> {
  const a = aBackup({ storage });
  for (let run = 0; run < runs; run += 1) {
    await runJobs(a.backup, ["docs"]);
    a.later(86_400);
  }
  return storage;
}

async function listed(entries: AsyncIterable<SnapshotEntry>): Promise<SnapshotEntry[]> {
  const all: SnapshotEntry[] = [];
  for await (const entry of entries) all.push(entry);
  return all;
}

async function edit(storage: Storage, key: string, change: (text: string) => string): Promise<void> {
  const text = (await contentsOf(storage)).get(key)?.toString() ?? "";
  const changed = change(text);
  assert.notEqual(changed, text);
  await storage.put(key, bytesOf(changed));
}

const ids = (entries: readonly SnapshotEntry[]) => entries.map(({ snapshot }) => snapshot);

test("snapshots are listed oldest first, or newest first, with manifest and verification", async () => {
  const storage = await aStoreOf(3);
  const oldestFirst = await listed(listSnapshots(storage, "docs"));
  assert.deepEqual(ids(oldestFirst), ["2026-11-22T030000Z", "2026-11-23T030000Z", "2026-11-24T030000Z"]);
  assert.deepEqual(await listed(snapshotsNewestFirst(storage, "docs")), oldestFirst.toReversed());
  const [entry] = oldestFirst;
  assert.deepEqual(
    [entry?.job, entry?.verified, entry?.fault, entry?.manifest?.status],
    ["docs", true, undefined, "ok"],
  );
  assert.equal(
    entry?.manifestSha256,
    sha256((await contentsOf(storage)).get(`${FIRST}manifest.json`) ?? new Uint8Array()),
  );
});

test("a folder without a manifest is no snapshot but an unfinished run", async () => {
  const storage = await aStoreOf(1);
  const a = aBackup({ storage });
  a.later(3_600);
  await plan(a.backup, { job: "docs", resume: "never" });
  assert.deepEqual(ids(await listed(listSnapshots(storage, "docs"))), ["2026-11-22T030000Z"]);
  const unfinished: string[] = [];
  for await (const snapshot of unfinishedRuns(storage, "docs")) unfinished.push(snapshot);
  assert.deepEqual(unfinished, ["2026-11-22T040000Z"]);
});

test("folders and files that are not ours are passed over, and another job's snapshots are not seen", async () => {
  const storage = await aStoreOf(1);
  for (const key of [
    "docs/notes/x.json",
    "docs/2026-13-40/030000Z/manifest.json",
    "docs/2026-11-22/31/manifest.json",
    "docs2/2026-11-20/030000Z/manifest.json",
    "docs/2026-11-21/995959Z/manifest.json",
  ]) {
    await storage.put(key, bytesOf("{}"));
  }
  assert.deepEqual(ids(await listed(listSnapshots(storage, "docs"))), ["2026-11-22T030000Z"]);
});

const damages: readonly [string, (storage: Storage) => Promise<unknown>, RegExp, boolean][] = [
  ["is not JSON", (storage) => storage.put(`${FIRST}manifest.json`, bytesOf("{")), /manifest\.json is not JSON/, false],
  ["is empty", (storage) => storage.put(`${FIRST}manifest.json`, bytesOf("")), /manifest\.json is not JSON/, false],
  [
    "lacks a field",
    (storage) => edit(storage, `${FIRST}manifest.json`, (text) => text.replace(/"status"/, '"state"')),
    /manifest\.json: .*status/,
    false,
  ],
  [
    "is of another job",
    (storage) => edit(storage, `${FIRST}manifest.json`, (text) => text.replace('"docs"', '"other"')),
    /says that it is of job other/,
    false,
  ],
  [
    "is of another snapshot",
    (storage) =>
      edit(storage, `${FIRST}manifest.json`, (text) => text.replace("2026-11-22T030000Z", "2026-11-21T030000Z")),
    /snapshot 2026-11-21T030000Z/,
    false,
  ],
  [
    "was edited",
    (storage) => edit(storage, `${FIRST}manifest.json`, (text) => text.replace('"attempts": 1', '"attempts": 2')),
    /differs from its line in SHA256SUMS/,
    true,
  ],
  [
    "has no line in SHA256SUMS",
    (storage) => edit(storage, `${FIRST}SHA256SUMS`, (text) => text.replace(/.*manifest\.json\n/, "")),
    /has no line in SHA256SUMS/,
    true,
  ],
  ["has no SHA256SUMS", (storage) => storage.remove([`${FIRST}SHA256SUMS`]), /SHA256SUMS .* is absent/, true],
];
for (const [what, damage, message, hasManifest] of damages) {
  test(`a manifest that ${what} is an entry with a fault, never verified and never left out`, async () => {
    const storage = await aStoreOf(2);
    await damage(storage);
    const [entry, other] = await listed(listSnapshots(storage, "docs"));
    assert.match(entry?.fault?.message ?? "", message);
    assert.equal(entry?.fault?.code, "INTEGRITY_MANIFEST");
    assert.deepEqual([entry?.verified, entry?.manifest !== undefined], [false, hasManifest]);
    assert.equal(entry?.mayBeGood, undefined);
    assert.equal(other?.verified, true);
  });
}

/** Both the manifest and its line in SHA256SUMS, as whoever wrote it would have. */
async function rewrite(storage: Storage, change: (text: string) => string): Promise<void> {
  const digest = async () => sha256((await contentsOf(storage)).get(`${FIRST}manifest.json`) ?? new Uint8Array());
  const before = await digest();
  await edit(storage, `${FIRST}manifest.json`, change);
  const after = await digest();
  await edit(storage, `${FIRST}SHA256SUMS`, (text) => text.replace(before, after));
}

const notOurs: readonly [string, (text: string) => string, string, string][] = [
  [
    "is of a later schema",
    (text) => text.replace('"schemaVersion": 1', '"schemaVersion": 2'),
    "VERSION_UNKNOWN",
    "unknown",
  ],
  [
    "has a field that a later version writes",
    (text) => text.replace("{", '{"later": 1,'),
    "INTEGRITY_MANIFEST",
    "damaged",
  ],
  ["was moved here from another job", (text) => text.replace('"docs"', '"other"'), "INTEGRITY_MANIFEST", "damaged"],
];
for (const [what, change, code, status] of notOurs) {
  test(`a manifest that ${what} and is as it was written is not good, and prune never takes it for a failed one`, async () => {
    const storage = await aStoreOf(3);
    await rewrite(storage, change);
    const [entry] = await listed(listSnapshots(storage, "docs"));
    assert.ok(entry !== undefined);
    assert.deepEqual([entry.fault?.code, entryStatus(entry), entry.verified], [code, status, false]);
    const { backup } = aBackup({
      storage,
      jobs: [aJob({ retention: { min_keep: 1, max_removals: 10, keep_last: 1 } })],
    });
    const { decisions } = await prune(
      { ...backup, now: () => new Date("2026-11-25T03:00:00Z") },
      { job: "docs", dryRun: true },
    );
    assert.deepEqual(
      decisions.map(({ keep }) => keep),
      [true, false, true],
    );
    assert.match(decisions[2]?.reason ?? "", /^kept: .*manifest\.json.*: it may be good$/);
  });
}

test("a verified.json of a later version leaves its snapshot unverified, and prune never takes it", async () => {
  const storage = await aStoreOf(2);
  await edit(storage, `${FIRST}verified.json`, (text) => text.replace('"schemaVersion": 1', '"schemaVersion": 2'));
  const [entry] = await listed(listSnapshots(storage, "docs"));
  assert.deepEqual([entry?.verified, entry?.fault], [false, undefined]);
  assert.match(entry?.mayBeGood ?? "", /verified\.json is of schemaVersion 2/);
  const before = await storage.read(`${FIRST}verified.json`, 1 << 20);
  const { backup } = aBackup({ storage });
  const { ok, faults } = await verify(backup, { job: "docs", snapshot: entry?.snapshot ?? "", mode: "checksum" });
  assert.equal(ok, false);
  assert.deepEqual(
    faults.map(({ code }) => code),
    ["VERSION_UNKNOWN"],
  );
  assert.deepEqual(await storage.read(`${FIRST}verified.json`, 1 << 20), before);
});

const unverified: readonly [string, (storage: Storage) => Promise<unknown>][] = [
  ["is absent", (storage) => storage.remove([`${FIRST}verified.json`])],
  ["does not parse", (storage) => storage.put(`${FIRST}verified.json`, bytesOf("{}"))],
  [
    "says that it is not ok",
    (storage) => edit(storage, `${FIRST}verified.json`, (text) => text.replace('"ok": true', '"ok": false')),
  ],
  [
    "is of another manifest",
    (storage) =>
      edit(storage, `${FIRST}verified.json`, (text) =>
        text.replace(/(?<="manifestSha256": ")[0-9a-f]{64}/, "0".repeat(64)),
      ),
  ],
  [
    "is of another snapshot",
    (storage) =>
      edit(storage, `${FIRST}verified.json`, (text) => text.replace("2026-11-22T030000Z", "2026-11-21T030000Z")),
  ],
];
for (const [what, change] of unverified) {
  test(`a snapshot whose verified.json ${what} is not verified, and without a fault`, async () => {
    const storage = await aStoreOf(1);
    await change(storage);
    const [entry] = await listed(listSnapshots(storage, "docs"));
    assert.deepEqual([entry?.verified, entry?.fault, entry?.manifest?.status], [false, undefined, "ok"]);
  });
}

test("a storage that fails makes the listing fail, and leaves nothing out", async () => {
  const error = new TransientError("STORAGE_FAILED", "input/output error");
  for (const on of ["folders", "head", "read"] as const) {
    for (const call of [1, 2]) {
      const storage = faultyStorage(await aStoreOf(2), [{ on, call, do: "fail", error, when: "before" }]);
      await assert.rejects(listed(listSnapshots(storage, "docs")), /input\/output error/);
    }
  }
});

test("a snapshot that is removed while it is listed is left out", async () => {
  const storage = await aStoreOf(2);
  const key = `${FIRST}manifest.json`;
  const racing: Storage = {
    ...storage,
    async read(asked, maxBytes) {
      if (asked === key) await storage.remove([key]);
      return storage.read(asked, maxBytes);
    },
  };
  assert.deepEqual(ids(await listed(listSnapshots(racing, "docs"))), ["2026-11-23T030000Z"]);
});

test("a run that is committed while its snapshot is looked at is not taken for a damaged one", async () => {
  const inner = await aStoreOf(1);
  for (const asItWas of [undefined, `${"0".repeat(64)}  manifest.json\n`]) {
    let looks = 0;
    const read: Storage["read"] = async (key, most) => {
      const found = await inner.read(key, most);
      // Its answer was on the way when the list of digests was stored, and the manifest after it.
      if (!key.endsWith("/SHA256SUMS") || looks > 0) return found;
      looks += 1;
      if (asItWas === undefined) throw new NotFoundError(`${key} is not there`);
      return { ...found, content: Buffer.from(asItWas) };
    };
    const [entry] = await listed(listSnapshots({ ...inner, read }, "docs"));
    assert.deepEqual([entry?.fault, entry?.verified, looks], [undefined, true, 1]);
  }
});

test("a manifest that is no small document is read as a stream", async () => {
  const storage = await aStoreOf(1);
  const [whole] = await listed(listSnapshots(storage, "docs"));
  const large: Storage = {
    ...storage,
    async read(key, maxBytes) {
      if (key.endsWith("manifest.json")) throw new RangeError(`more than the ${maxBytes} bytes allowed here`);
      return storage.read(key, maxBytes);
    },
  };
  assert.deepEqual(await listed(listSnapshots(large, "docs")), [whole]);
});

test("runs are loaded some at once, in their order, and none that is not got to", async () => {
  const inner = await aStoreOf(12);
  const wanted = 7;
  const reading = { now: 0, most: 0 };
  const storage = faultyStorage({
    ...inner,
    async read(key, maxBytes) {
      reading.now += 1;
      reading.most = Math.max(reading.most, reading.now);
      await new Promise((soon) => setImmediate(soon));
      reading.now -= 1;
      return inner.read(key, maxBytes);
    },
  });
  const found: string[] = [];
  for await (const { snapshot } of runsNewestFirst(storage, "docs", () => wanted - found.length)) {
    found.push(snapshot);
    if (found.length === wanted) break;
  }
  assert.deepEqual(found, ids(await listed(snapshotsNewestFirst(inner, "docs"))).slice(0, wanted));
  assert.ok(reading.most > 3, "one after the other");
  const of = (call: string) => storage.calls.filter((one) => one.startsWith(call)).length;
  assert.deepEqual([of("folders "), of("head ")], [1 + wanted, wanted]);
});

test("latest is the newest that exists, and only it is read", async () => {
  const storage = faultyStorage(await aStoreOf(3));
  assert.equal((await findChosen(storage, "docs", "latest", LATER)).snapshot, "2026-11-24T030000Z");
  assert.equal((await newestSnapshot(storage, "docs"))?.snapshot, "2026-11-24T030000Z");
  assert.equal(
    storage.calls.some((call) => call.startsWith("read docs/2026-11-22")),
    false,
  );
});

test("a snapshot that is not there is an error that names the nearest", async () => {
  const storage = await aStoreOf(5);
  assert.equal((await findSnapshot(storage, "docs", "2026-11-24T030000Z")).snapshot, "2026-11-24T030000Z");
  await assert.rejects(findSnapshot(storage, "docs", "2026-11-23T120000Z"), {
    name: "NotFoundError",
    message:
      "job docs has no snapshot 2026-11-23T120000Z; the nearest are 2026-11-22T030000Z, 2026-11-23T030000Z, 2026-11-24T030000Z",
  });
  await assert.rejects(findSnapshot(storage, "docs", "../../etc"), {
    message:
      "job docs has no snapshot ../../etc; an id looks like 2026-11-22T030000Z; " +
      "the nearest are 2026-11-24T030000Z, 2026-11-25T030000Z, 2026-11-26T030000Z",
  });
  await assert.rejects(findChosen(memoryStorage(), "docs", "latest", LATER), NotFoundError);
  await assert.rejects(findSnapshot(memoryStorage(), "docs", "2026-11-23T120000Z"), /it has none yet/);
});
