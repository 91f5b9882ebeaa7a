import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { LOOK } from "../../lib/cost/cost.ts";
import { jobHistory } from "../../lib/job-history.ts";
import { jobStanding } from "../../lib/job-standing.ts";
import { manifestKey } from "../../lib/keys.ts";
import { lostSnapshots } from "../../lib/manifest-chain.ts";
import { findChosen, snapshotsBefore } from "../../lib/snapshots.ts";
import { filesystemStorage } from "../../lib/storage/filesystem.ts";
import type { Storage } from "../../lib/storage/storage.ts";
import { surveyJob } from "../../lib/survey-job.ts";
import { aJob } from "../support/a-backup.ts";
import { faultyStorage } from "../support/faulty-storage.ts";
import { type Day, writeSnapshots } from "../support/many-snapshots.ts";

// On S3 each call is a request, with its latency and its price: what is asked of every job every minute or hour must
// not grow with the days that are kept.

const NOW = new Date("2026-11-22T03:30:00Z");
const DAYS = 400;
let base: string;

before(async () => {
  base = await mkdtemp(join(tmpdir(), "core-backup-requests-"));
  await writeSnapshots(base, "docs", Array<Day>(DAYS).fill("proved"), new Date("2026-11-22T03:00:00Z"));
});
after(() => rm(base, { recursive: true, force: true }));

/** Two for the folders of the newest day, four for what lies there. */
const NEWEST = 6;
/** One for the folders of each day, and four for what lies there. */
const THIRTY = 30 * 5;

const looks: readonly [string, number, (storage: Storage) => Promise<unknown>][] = [
  [
    "a scrape of /metrics",
    NEWEST,
    (storage) => jobStanding(storage, aJob(), { now: NOW, proof: undefined, searchesProof: false }),
  ],
  ["a run's look at its past", NEWEST, (storage) => jobHistory(storage, "docs", { proof: true, now: NOW })],
  ["the snapshot called latest", NEWEST, (storage) => findChosen(storage, "docs", "latest", NOW)],
  ["the one before another", NEWEST + 1, (storage) => snapshotsBefore(storage, "docs", "2026-06-01T030000Z")],
  ["the watch's look", THIRTY + 3 * NEWEST, (storage) => surveyJob(storage, "docs", NOW)],
  ["the look for what was lost among the newest", THIRTY + 2 * NEWEST, (storage) => lostSnapshots(storage, "docs", 30)],
];
for (const [what, most, look] of looks) {
  test(`${what} costs at most ${most} requests, of ${DAYS} snapshots too`, async () => {
    const storage = faultyStorage(filesystemStorage({ basePath: base }));
    await look(storage);
    const { length } = storage.calls;
    assert.ok(length > 0 && length <= most, `${length}: ${storage.calls.slice(0, 20).join(", ")} …`);
  });
}

test("the watch's look costs what a month's bill reckons with", async () => {
  const storage = faultyStorage(filesystemStorage({ basePath: base }));
  await surveyJob(storage, "docs", NOW);
  const lists = storage.calls.filter((call) => call.startsWith("folders ")).length;
  assert.deepEqual({ lists, reads: storage.calls.length - lists }, LOOK);
});

test("a run that ends while the watch looks is neither a snapshot whose manifest is gone nor a run without an end", async () => {
  const newest = "2026-11-22T030000Z";
  const inner = filesystemStorage({ basePath: base });
  let looks = 0;
  const ending: Storage = {
    ...inner,
    head: async (key) => {
      if (key === manifestKey("docs", newest) && looks++ === 0) return undefined;
      return inner.head(key);
    },
  };
  const { lost, unfinished } = await surveyJob(ending, "docs", NOW);
  assert.deepEqual([lost, unfinished], [[], undefined]);
  looks = 0;
  assert.deepEqual(await lostSnapshots(ending, "docs", 30), []);
});
