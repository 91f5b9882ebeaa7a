import assert from "node:assert/strict";
import { test } from "node:test";
import { SourceError, StorageError } from "../../../lib/errors.ts";
import { pagerDutyEvents } from "../../../lib/notifiers/pagerduty-events.ts";
import { notify } from "../../../lib/notify/notify.ts";
import { runJobs } from "../../../lib/run.ts";
import { memoryStorage } from "../../../lib/storage/memory.ts";
import type { Storage } from "../../../lib/storage/storage.ts";
import { watch } from "../../../lib/watch/watch.ts";
import { aBackup, aJob } from "../../support/a-backup.ts";
import { gone, type MemoryNotifier, memoryNotifier, told } from "../../support/memory-notifier.ts";

/** Storages by name, each of them on or off, and a configuration that names them all. */
function setting(names: readonly string[], jobs = [aJob()], beside: Readonly<Record<string, MemoryNotifier>> = {}) {
  const ops = memoryNotifier();
  const source = { bad: false };
  const fails = () => new SourceError("SOURCE_FORBIDDEN", "no right");
  const storages = new Map(names.map((name) => [name, memoryStorage()]));
  const memory = memoryStorage();
  const off = new Set<string>();
  const a = aBackup({
    jobs,
    units: () => (source.bad ? [{ id: "u", fails }] : [{ id: "u", items: { "u.json": "u" } }]),
    notifications: Object.fromEntries(["ops", ...Object.keys(beside)].map((name) => [name, told()])),
    notifiers: Object.fromEntries(Object.entries({ ops, ...beside }).map(([name, { notifier }]) => [name, notifier])),
  });
  const storage = async ({ target_storage: name }: { readonly target_storage: string }): Promise<Storage> => {
    const found = storages.get(name);
    if (found === undefined || off.has(name)) throw new StorageError("STORAGE_NOT_MOUNTED", `${name} is not mounted`);
    return found;
  };
  const options = names.map((name) => [name, { type: "filesystem", base_path: `/${name}` }] as const);
  const backup = {
    ...a.backup,
    storage,
    watchMemory: async (): Promise<Storage | undefined> => memory,
    config: { ...a.backup.config, storage: Object.fromEntries(options) },
  };
  const look = async (configured = [aJob()], other: Partial<typeof backup> = {}) => {
    const now = { ...backup, ...other, config: { ...backup.config, jobs: configured } };
    return (await watch(now, configured, { dryRun: false })).jobs;
  };
  const run = async (name: string) => {
    const { jobs: runs } = await runJobs(backup, [name]);
    await notify(backup, { runs });
  };
  const events = () =>
    ops.reports.map(({ kind, jobs: all }) => [kind, ...all.map((job) => `${job.job} ${job.events}`)]);
  const pages = () =>
    ops.reports
      .flatMap((report) => pagerDutyEvents(report, { routingKey: "k", prefix: undefined }))
      .map(({ event_action, dedup_key }) => `${event_action} ${dedup_key.split("/")[1]}`);
  return { ...a, backup, source, off, look, run, events, pages };
}

test("a removed job whose name was too long for a folder is known by its manifest", async () => {
  const name = "n".repeat(200);
  const a = setting(["store"], [aJob(), aJob({ name })]);
  await a.run("docs");
  await a.run(name);
  await a.look([aJob(), aJob({ name })]);
  assert.deepEqual(
    (await a.look()).map(({ job, removed }) => [job, removed]),
    [
      ["docs", undefined],
      [name, true],
    ],
  );
  await a.look();
  assert.deepEqual(a.events(), [["watch", `${name} missed`]]);
});

test("of two configurations that share a storage neither tells of the other's jobs", async () => {
  const [one, other] = ["a1 a2", "b1 b2"].map((names) => names.split(" ").map((name) => aJob({ name })));
  const a = setting(["store"], [...(one ?? []), ...(other ?? [])]);
  for (const name of ["a1", "a2", "b1", "b2"]) await a.run(name);
  for (let times = 0; times < 3; times += 1) {
    for (const configured of [one, other])
      assert.deepEqual(
        (await a.look(configured)).map(({ job }) => job),
        configured?.map(({ name }) => name),
      );
  }
  assert.deepEqual(a.events(), []);
  // And what is taken out of one of them is told by that one.
  for (let times = 0; times < 2; times += 1) {
    await a.look(one);
    await a.look(other?.slice(0, 1));
  }
  assert.deepEqual(a.events(), [["watch", "b2 missed"]]);
});

test("of forty-four jobs half are taken out at once, whichever half, and each of them is told of", async () => {
  const all = Array.from({ length: 44 }, (_, n) => aJob({ name: `job-${n}` }));
  for (const left of [all.slice(0, 22), all.slice(22)]) {
    const a = setting(["store"], all);
    const gone = all.filter((job) => !left.includes(job)).map(({ name }) => name);
    for (const name of gone) await a.run(name);
    await a.look(all);
    const removed = (await a.look(left)).filter((one) => one.removed === true).map(({ job }) => job);
    assert.deepEqual(removed.sort(), gone.sort());
  }
});

const DAY_S = 86_400;
const DAILY = { schedule: "0 3 * * *" };

for (const [what, names] of [
  ["the only job of a file", ["docs"]],
  ["all jobs of a file, renamed at once,", ["docs", "more"]],
] as const)
  test(`${what} is told of once nobody has watched or run it in its time`, async () => {
    const before = names.map((name) => aJob({ ...DAILY, name }));
    const after = names.map((name) => aJob({ ...DAILY, name: `new ${name}` }));
    const a = setting(["store"], [...before, ...after]);
    for (const name of names) await a.run(name);
    await a.look(before);
    for (const name of names) await a.run(`new ${name}`);
    const removed = async () => (await a.look(after)).filter((one) => one.removed === true);
    for (let days = 0; days < 3; days += 1) {
      assert.deepEqual(await removed(), [], `after ${days} days`);
      a.later(DAY_S);
      for (const name of names) await a.run(`new ${name}`);
    }
    assert.deepEqual(
      (await removed()).map(({ job }) => job),
      names,
    );
    const [{ notices } = { notices: [] }] = await removed();
    assert.match(
      notices.join(),
      /^is not in \S+ nor in another configuration that is watched or run still, so it is backed up no more; its newest snapshot is 2026-/,
    );
    assert.deepEqual(
      a.events().filter(([, ...jobs]) => jobs.some((job) => job?.endsWith("missed"))),
      [["watch", ...names.map((name) => `${name} missed`)]],
    );
  });

test("a job of another configuration is let be as long as it is run there or watched, by its own schedule", async () => {
  const here = [aJob(DAILY)];
  const weekly = aJob({ name: "weekly", schedule: "0 3 * * 0" });
  const daily = aJob({ ...DAILY, name: "daily" });
  const a = setting(["store"], [...here, weekly, daily]);
  for (const name of ["docs", "weekly", "daily"]) await a.run(name);
  await a.look([weekly, daily]);
  const removed = async () => (await a.look(here)).filter((one) => one.removed === true).map(({ job }) => job);
  // Run there, and watched by nobody.
  for (let days = 0; days < 8; days += 1) {
    a.later(DAY_S);
    for (const name of ["docs", "daily"]) await a.run(name);
    assert.deepEqual(await removed(), [], `after ${days} days`);
  }
  // Watched there, and failing before there is a snapshot.
  for (let days = 0; days < 8; days += 1) {
    a.later(DAY_S);
    await a.look([weekly, daily]);
    assert.deepEqual(await removed(), [], `after ${days} more days`);
  }
  a.later(3 * DAY_S);
  assert.deepEqual(await removed(), ["daily"]);
  a.later(6 * DAY_S);
  assert.deepEqual(await removed(), ["daily", "weekly"]);
});

test("a job that is given another storage is told of once, and listed with what it left in the old one", async () => {
  const moving = (target_storage: string) => [aJob(), aJob({ name: "moved", target_storage })];
  const a = setting(["store", "new"], moving("store"));
  for (const name of ["docs", "moved"]) await a.run(name);
  await a.look(moving("store"));
  for (let times = 0; times < 2; times += 1)
    assert.deepEqual(
      (await a.look(moving("new"))).map(({ job, storage, removed }) => [job, storage, removed]),
      [
        ["docs", "store", undefined],
        ["moved", "new", undefined],
        ["moved", "store", true],
      ],
    );
  assert.deepEqual(a.events(), [["watch", "moved missed"]]);
  const [{ notices } = { notices: [] }] = (await a.look(moving("new"))).slice(2);
  assert.match(
    notices.join(),
    /^is stored in new now, so in store nothing is added or pruned any more; there its newest snapshot is 2026-/,
  );
});

test("an incident of a job that is taken out of the file is resolved, whether it has snapshots or not", async () => {
  const all = [aJob(), aJob({ name: "had some" }), aJob({ name: "never" })];
  const a = setting(["store"], all);
  await a.look(all);
  await a.run("docs");
  await a.run("had some");
  a.source.bad = true;
  a.later(3_600);
  await a.run("had some");
  const failing = { ...a.backup, config: { ...a.backup.config } };
  // One that fails before anything is stored has no snapshot at all.
  const { jobs: runs } = await runJobs(failing, ["never"], { waitMs: 0 });
  await notify(failing, { runs });
  await dropSnapshots(await a.backup.storage(aJob()), "never/2026");
  assert.deepEqual(a.pages(), ["trigger had some", "trigger never"]);
  assert.deepEqual(
    (await a.look()).map(({ job, snapshot }) => [job, snapshot === null]),
    [
      ["docs", false],
      ["had some", false],
      ["never", true],
    ],
  );
  assert.deepEqual(a.pages().slice(2).sort(), ["resolve had some", "resolve never"]);
  assert.deepEqual(
    (await a.look()).map(({ job }) => job),
    ["docs", "had some"],
  );
  assert.equal(a.pages().length, 4);
});

test("a storage that no job uses and that cannot be read is told once, and once when it can be looked through again", async () => {
  const a = setting(["store", "old"], [aJob(), aJob({ name: "old docs", target_storage: "old" })]);
  await a.run("docs");
  await a.run("old docs");
  await a.look([aJob(), aJob({ name: "old docs", target_storage: "old" })]);
  a.off.add("old");
  for (let times = 0; times < 3; times += 1) {
    const [docs, storage, ...others] = await a.look();
    assert.deepEqual([docs?.ok, others], [true, []]);
    assert.deepEqual([storage?.job, storage?.ok], ["(storage old)", false]);
    assert.match(storage?.problems[0]?.message ?? "", /^no job uses it any more, and it cannot be looked through/);
  }
  assert.deepEqual(a.events(), [["watch", "(storage old) missed"]]);
  a.off.delete("old");
  await a.look();
  assert.deepEqual(
    (await a.look()).map(({ job, ok }) => [job, ok]),
    [
      ["docs", true],
      ["old docs", true],
    ],
  );
  assert.deepEqual(a.events().slice(1), [["watch", "old docs missed", "(storage old) recovered"]]);
});

test("that a storage can be looked through again is told later to who could not be reached, alone and once", async () => {
  const duty = memoryNotifier();
  const a = setting(["store", "old"], [aJob()], { duty });
  await a.run("docs");
  a.off.add("old");
  await a.look();
  a.off.delete("old");
  duty.sendFails.push(gone());
  for (let times = 0; times < 3; times += 1) await a.look();
  const heard = duty.reports.map(({ jobs: [job] }) => `${job?.job} ${job?.events}`);
  assert.deepEqual(heard, ["(storage old) missed", "(storage old) recovered"]);
  assert.deepEqual(a.events(), [
    ["watch", "(storage old) missed"],
    ["watch", "(storage old) recovered"],
  ]);
});

test("a storage that cannot be read is told once, and once when it can be again", async () => {
  const a = setting(["store"]);
  await a.run("docs");
  a.off.add("store");
  for (let times = 0; times < 3; times += 1) assert.equal((await a.look())[0]?.ok, false);
  a.off.delete("store");
  for (let times = 0; times < 3; times += 1) assert.equal((await a.look())[0]?.ok, true);
  assert.deepEqual(a.events(), [
    ["watch", "docs missed"],
    ["watch", "docs recovered"],
  ]);
});

test("a machine that keeps nothing tells of an unreadable storage each time", async () => {
  const a = setting(["store"]);
  a.off.add("store");
  for (let times = 0; times < 2; times += 1) await a.look([aJob()], { watchMemory: async () => undefined });
  assert.deepEqual(a.events(), [
    ["watch", "docs missed"],
    ["watch", "docs missed"],
  ]);
});

async function dropSnapshots(storage: Storage, prefix: string): Promise<void> {
  for await (const { key } of storage.list("")) if (key.startsWith(prefix)) await storage.remove([key]);
}
