import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { metricsPage, type PageMemory } from "../../../lib/measures/metrics-page.ts";
import { filesystemStorage } from "../../../lib/storage/filesystem.ts";
import { memoryStorage } from "../../../lib/storage/memory.ts";
import { aBackup, aJob } from "../../support/a-backup.ts";
import { type Day, writeSnapshots } from "../../support/many-snapshots.ts";
import { temporaryFolder } from "../../support/stores.ts";

const LONG_MS = 60_000;

test("what lies far back is looked for once, and again under another configuration", async () => {
  await using folder = await temporaryFolder();
  await writeSnapshots(folder.path, "docs", Array<Day>(60).fill("failed"), new Date("2026-11-22T02:00:00Z"));
  const inner = filesystemStorage({ basePath: folder.path });
  let asked = 0;
  const read: typeof inner.read = (key, most) => {
    asked += 1;
    return inner.read(key, most);
  };
  const { backup } = aBackup({ storage: { ...inner, read } });
  const memory: PageMemory = new WeakMap();
  const look = async (config = backup.config) => {
    asked = 0;
    await metricsPage({ ...backup, config }, { memory, withinMs: LONG_MS });
    return asked;
  };
  const first = await look();
  const second = await look();
  assert.ok(second <= first - 30, `${first}, then ${second}`);
  assert.equal(await look({ ...backup.config }), first);
});

test("a storage that never answers holds up no job of another one, and is told as one that cannot be read", async () => {
  const dead = ["one", "two", "three", "four", "five"].map((name) => aJob({ name, target_storage: "dead" }));
  const { backup } = aBackup({ jobs: [...dead, aJob({ name: "fine" })] });
  const inner = memoryStorage();
  const asked: string[] = [];
  const read: typeof inner.read = (key, most) => {
    asked.push(key.split("/", 1).join());
    return inner.read(key, most);
  };
  const hangs = { ...inner, read: () => new Promise<never>(() => {}) };
  const storage: typeof backup.storage = async ({ target_storage: name }) =>
    name === "dead" ? hangs : { ...inner, read };
  const page = metricsPage({ ...backup, storage }, { memory: new WeakMap(), withinMs: 100 });
  for (let turns = 0; turns < 1_000 && asked.length === 0; turns += 1) await turn();
  assert.equal(asked[0], "fine");
  assert.deepEqual((await page).match(/^core_backup_storage_readable.*$/gm), [
    ...dead.map(({ name }) => `core_backup_storage_readable{backup_job="${name}"} 0`),
    'core_backup_storage_readable{backup_job="fine"} 1',
  ]);
});
