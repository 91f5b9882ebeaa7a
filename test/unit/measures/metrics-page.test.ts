import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { metricsPage, type PageMemory } from "../../../lib/measures/metrics-page.ts";
import { filesystemStorage } from "../../../lib/storage/filesystem.ts";
import { memoryStorage } from "../../../lib/storage/memory.ts";
import { aBackup, aJob } from "../../support/a-backup.ts";
import { type Day, writeSnapshots } from "../../support/many-snapshots.ts";
import { temporaryFolder } from "../../support/stores.ts";

test("what lies far back is looked for once, and again under another configuration", async () => {
  await using folder = await temporaryFolder();
  await writeSnapshots(folder.path, "docs", Array<Day>(60).fill("failed"), new Date("2026-11-22T02:00:00Z"));
  const inner = filesystemStorage({ basePath: folder.path });
  let asked = 0;
  const get: typeof inner.get = (key) => {
    asked += 1;
    return inner.get(key);
  };
  const { backup } = aBackup({ storage: { ...inner, get } });
  const memory: PageMemory = new WeakMap();
  const look = async (config = backup.config) => {
    asked = 0;
    await metricsPage({ ...backup, config }, memory);
    return asked;
  };
  const first = await look();
  const second = await look();
  assert.ok(second <= first - 30, `${first}, then ${second}`);
  assert.equal(await look({ ...backup.config }), first);
});

test("a storage that never answers holds up no job of another one", async () => {
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
  void metricsPage({ ...backup, storage }, new WeakMap());
  for (let turns = 0; turns < 1_000 && asked.length === 0; turns += 1) await turn();
  assert.equal(asked[0], "fine");
});
