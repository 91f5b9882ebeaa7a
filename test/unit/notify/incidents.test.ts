import assert from "node:assert/strict";
import { test } from "node:test";
import { bytesOf } from "../../../lib/bytes.ts";
import { notifierKinds } from "../../../lib/config/notifier-options.ts";
import type { Job } from "../../../lib/config/schema.ts";
import { SourceError, StorageError } from "../../../lib/errors.ts";
import { notify } from "../../../lib/notify/notify.ts";
import { changeTold, MAX_TRIES, readTold } from "../../../lib/notify/told.ts";
import { runJobs } from "../../../lib/run.ts";
import { memoryStorage } from "../../../lib/storage/memory.ts";
import { watch } from "../../../lib/watch/watch.ts";
import { aBackup, aJob } from "../../support/a-backup.ts";
import { gone, memoryNotifier, told } from "../../support/memory-notifier.ts";
import { openedNotifier } from "../../support/opened-notifier.ts";
import { pagerDuty } from "../../support/pagerduty-server.ts";
import { startRecordingServer } from "../../support/recording-server.ts";

const DAY = 86_400;
const KEY = "0123456789abcdef0123456789abcdef";

interface Changes {
  readonly job?: Partial<Job>;
  readonly chat?: Readonly<Record<string, unknown>>;
}

/** A daily job whose incidents PagerDuty keeps, whose runs ping a dead man's switch, and of which a chat hears. */
async function setting({ job = {}, chat: chatOptions = {} }: Changes = {}) {
  const { answer, incidents } = pagerDuty(KEY);
  const dutyIs = { down: false };
  const duty = await startRecordingServer((call) => (dutyIs.down ? { status: 404 } : answer(call)));
  const chat = memoryNotifier();
  const pings = await startRecordingServer(() => ({ status: 200 }));
  const dutyOptions = { type: "pagerduty", routing_key_env: "KEY", url: `${duty.url}/v2/enqueue` } as const;
  const pingOptions = { type: "webhook", success_url_env: "GOOD", failure_url_env: "BAD" } as const;
  const env = { KEY, GOOD: `${pings.url}/good`, BAD: `${pings.url}/bad` };
  const source = { bad: false };
  const fails = () => new SourceError("SOURCE_FORBIDDEN", "no right");
  const a = aBackup({
    units: () => [
      { id: "good", items: { "g.json": "g" } },
      source.bad ? { id: "bad", fails } : { id: "bad", items: { "b.json": "b" } },
    ],
    jobs: [aJob({ schedule: "0 3 * * *", ...job })],
    notifications: {
      chat: told(chatOptions),
      duty: notifierKinds.pagerduty.parse(dutyOptions),
      pings: notifierKinds.webhook.parse(pingOptions),
    },
    notifiers: {
      chat: chat.notifier,
      duty: (await openedNotifier(dutyOptions, env)).notifier,
      pings: (await openedNotifier(pingOptions, env)).notifier,
    },
  });
  const run = async (...only: readonly string[]) => {
    const { jobs } = await runJobs(a.backup, ["docs"], only.length === 0 ? {} : { only });
    await notify(a.backup, { runs: jobs });
  };
  const look = () => watch(a.backup, a.backup.config.jobs, { dryRun: false });
  const isOpen = () => [...incidents.values()].some(({ open }) => open);
  const pinged = () => pings.calls.map(({ path }) => path);
  const stop = async () => {
    await Promise.all([duty.stop(), pings.stop()]);
  };
  const toldChat = () => chat.reports.map(({ jobs }) => jobs[0]?.events.join(" "));
  const said = () => duty.calls.map(({ body }) => JSON.parse(body).event_action);
  return {
    ...a,
    source,
    run,
    look,
    isOpen,
    pinged,
    incidents,
    chat,
    dutyIs,
    toldChat,
    said,
    [Symbol.asyncDispose]: stop,
  };
}

test("an incident about a manifest that was changed stays open over good runs, which ping no success, until it is well", async () => {
  await using a = await setting();
  await a.run();
  a.later(DAY);
  await a.run();
  assert.deepEqual([a.isOpen(), a.pinged()], [false, ["/good", "/good"]]);
  const key = "docs/2026-11-22/030000Z/manifest.json";
  const manifest = Buffer.from((await a.storage.read(key, 1_000_000)).content).toString();
  await a.storage.put(key, bytesOf(manifest.replace('"attempts": 1', '"attempts": 2')));
  // Late too, which the next good run does mend.
  a.later(3 * DAY);
  await a.look();
  assert.deepEqual([a.isOpen(), a.pinged().at(-1)], [true, "/bad"]);
  await a.run();
  await a.look();
  assert.deepEqual([a.isOpen(), a.pinged().length], [true, 3]);
  await a.storage.put(key, bytesOf(manifest));
  await a.look();
  assert.deepEqual([a.isOpen(), a.pinged().slice(3)], [false, ["/good"]]);
});

test("a snapshot that is lost is told by the run that finds it, once and without a watch, and its incident ends by the run that misses none", async () => {
  await using a = await setting();
  const daily = async () => {
    await a.run();
    a.later(DAY);
  };
  for (let days = 0; days < 3; days += 1) await daily();
  const lost = "docs/2026-11-23/030000Z/";
  await a.storage.remove([`${lost}manifest.json`, `${lost}verified.json`]);
  await daily();
  const [job] = a.chat.reports[0]?.jobs ?? [];
  const message = `manifest.json of 2026-11-23T030000Z is gone, though 2026-11-24T030000Z followed it and prune did not remove it`;
  assert.deepEqual([job?.status, job?.errors], ["ok", [{ code: "SNAPSHOT_LOST", message }]]);
  assert.match(job?.summary ?? "", /^2 units, .*; SNAPSHOT_LOST: manifest\.json of 2026-11-23T030000Z is gone/);
  assert.match(job?.next ?? "", /^core-backup verify .*--snapshot all$/);
  assert.equal(a.chat.reports[0]?.title, "docs needs attention");
  assert.deepEqual([a.isOpen(), a.toldChat()], [true, ["missed"]]);
  await daily();
  await a.run("good");
  a.later(3600);
  await a.look();
  assert.deepEqual([a.isOpen(), a.toldChat(), a.said().slice(3)], [true, ["missed"], ["trigger"]]);
  assert.deepEqual(a.pinged(), ["/good", "/good", "/good", "/bad"]);
  // Another one is news beside it.
  await a.storage.remove(["docs/2026-11-22/030000Z/manifest.json", "docs/2026-11-22/030000Z/verified.json"]);
  await daily();
  assert.deepEqual([a.isOpen(), a.toldChat()], [true, ["missed", "missed"]]);
  const record = JSON.parse(Buffer.from((await a.storage.read("docs/.removals.json", 10_000)).content).toString());
  const removed = ["2026-11-22T030000Z", "2026-11-23T030000Z"];
  await a.storage.put("docs/.removals.json", bytesOf(JSON.stringify({ ...record, removed })));
  await a.run("good");
  assert.deepEqual([a.isOpen(), a.toldChat().length], [true, 2], "a narrowed run says nothing of the job");
  await daily();
  assert.deepEqual([a.isOpen(), a.toldChat().slice(2)], [false, ["recovered"]]);
});

test("what a run found and nobody could be told of, the next run tells; who alone was not reached hears it of a watch", async () => {
  await using a = await setting({ job: { notify: ["chat", "duty"] } });
  for (let days = 0; days < 3; days += 1) {
    await a.run();
    a.later(DAY);
  }
  await a.storage.remove(["docs/2026-11-23/030000Z/manifest.json", "docs/2026-11-23/030000Z/verified.json"]);
  a.dutyIs.down = true;
  a.chat.sendFails.push(gone(), gone());
  await a.run();
  assert.deepEqual([a.isOpen(), a.toldChat()], [false, []]);
  a.later(3600);
  a.chat.sendFails.length = 0;
  await a.run();
  assert.deepEqual([a.isOpen(), a.toldChat()], [false, ["missed"]]);
  a.dutyIs.down = false;
  await a.look();
  assert.deepEqual([a.isOpen(), a.toldChat()], [true, ["missed"]]);
});

test("a good run of some units ends no incident of the whole job and pings no success", async () => {
  await using a = await setting();
  await a.run();
  a.source.bad = true;
  a.later(DAY);
  await a.run();
  a.later(3600);
  await a.run("good");
  assert.deepEqual([a.isOpen(), a.pinged()], [true, ["/good", "/bad"]]);
  a.later(3 * DAY);
  await a.look();
  a.later(3600);
  await a.run("good");
  assert.deepEqual([a.isOpen(), a.pinged()], [true, ["/good", "/bad", "/bad"]]);
  a.source.bad = false;
  a.later(3600);
  await a.run();
  assert.deepEqual([a.isOpen(), a.pinged().at(-1)], [false, "/good"]);
});

test("a watch that finds nothing wrong any more leaves open what is open of failing runs", async () => {
  await using a = await setting();
  await a.run();
  a.source.bad = true;
  a.later(3 * DAY);
  await a.run();
  await a.look();
  Object.assign(a.backup.config.jobs[0] ?? {}, { deadlineMs: 90 * DAY * 1000 });
  await a.look();
  assert.equal(a.isOpen(), true);
  a.source.bad = false;
  a.later(DAY);
  await a.run();
  assert.equal(a.isOpen(), false);
});

test("who stood in for others hears that it is good again, though the job does not name it, and then nothing more", async () => {
  await using a = await setting({ job: { notify: ["chat"] } });
  await a.run();
  a.source.bad = true;
  a.chat.sendFails.push(gone());
  a.later(DAY);
  await a.run();
  assert.deepEqual([a.isOpen(), a.toldChat()], [true, []]);
  a.later(DAY);
  await a.run();
  a.source.bad = false;
  a.later(3600);
  // Of the rest of the job a narrowed run knows nothing.
  await a.run("good");
  assert.deepEqual([a.isOpen(), a.toldChat()], [true, ["partial"]]);
  a.later(DAY);
  await a.run();
  a.later(DAY);
  await a.run();
  assert.deepEqual(
    [a.said(), a.toldChat()],
    [
      ["trigger", "resolve"],
      ["partial", "recovered"],
    ],
  );
  assert.equal((await readTold(a.storage, "docs")).allClear, undefined);
});

test("an incident that a stand-in of the watch has open is resolved by the run that mends it", async () => {
  await using a = await setting({ job: { notify: ["chat"] } });
  await a.run();
  a.later(3 * DAY);
  a.chat.sendFails.push(gone());
  await a.look();
  await a.look();
  assert.deepEqual(a.said(), ["trigger"]);
  await a.run();
  await a.look();
  assert.deepEqual([a.said(), a.isOpen()], [["trigger", "resolve"], false]);
});

test("what a stand-in was told of a storage that cannot be read ends when it can be read again", async () => {
  await using a = await setting({ job: { notify: ["chat"] } });
  const memory = memoryStorage();
  const backup = { ...a.backup, watchMemory: async () => memory };
  const look = () => watch(backup, backup.config.jobs, { dryRun: false });
  await a.run();
  const { storage } = backup;
  backup.storage = async () => {
    throw new StorageError("STORAGE_NOT_MOUNTED", "nothing is mounted");
  };
  a.chat.sendFails.push(gone());
  await look();
  await look();
  backup.storage = storage;
  await look();
  await look();
  assert.deepEqual(
    [a.said(), a.toldChat()],
    [
      ["trigger", "resolve"],
      ["missed", "recovered"],
    ],
  );
});

test("a threshold that a stand-in was told of ends with the next good run that passes none, and not with a look", async () => {
  const changes = { job: { notify: ["chat"] }, chat: { thresholds: { bytes_over: "1 B" } } };
  await using a = await setting(changes);
  for (let day = 0; day < 2; day += 1) {
    // Who hears by the second run that all is well takes the place of nobody with that.
    a.chat.sendFails.push(gone());
    await a.run();
    a.later(3600);
    await a.look();
    assert.equal(a.isOpen(), true);
    a.later(DAY - 3600);
  }
  Object.assign(a.backup.config.notifications.chat ?? {}, { thresholds: {} });
  await a.run();
  assert.deepEqual(a.said(), ["trigger", "resolve", "trigger", "resolve"]);
});

test("a schedule that was changed is no all-clear for who stood in", async () => {
  await using a = await setting({ job: { notify: ["chat"] } });
  await a.run();
  await a.look();
  a.source.bad = true;
  a.chat.sendFails.push(gone());
  a.later(DAY);
  await a.run();
  Object.assign(a.backup.config.jobs[0] ?? {}, { deadlineMs: 90 * DAY * 1000 });
  await a.look();
  assert.deepEqual([a.said(), a.toldChat()], [["trigger"], ["changed"]]);
});

test("who could not be told that it is good again is told by the next run or watch, so many times", async () => {
  await using a = await setting();
  await a.run();
  a.later(3 * DAY);
  await a.look();
  a.dutyIs.down = true;
  await runJobs(a.backup, ["docs"]);
  await a.look();
  await a.look();
  assert.equal(a.isOpen(), true);
  a.dutyIs.down = false;
  await a.look();
  await a.look();
  assert.deepEqual([a.isOpen(), a.toldChat()], [false, ["missed", "recovered"]]);
  a.source.bad = true;
  a.later(DAY);
  await a.run();
  a.source.bad = false;
  a.chat.sendFails.push(gone());
  a.later(DAY);
  await a.run();
  assert.equal(a.isOpen(), false);
  assert.deepEqual((await readTold(a.storage, "docs")).allClear, { notifiers: ["chat"], tries: 0, runs: 1 });
  a.later(DAY);
  await a.run();
  assert.deepEqual(a.toldChat(), ["missed", "recovered", "partial", "recovered success"]);
  a.later(3 * DAY);
  await a.look();
  await runJobs(a.backup, ["docs"]);
  a.chat.sendFails.push(...Array.from({ length: 40 }, gone));
  for (let times = 0; times < 40; times += 1) await a.look();
  assert.equal(a.chat.sendFails.length, 40 - MAX_TRIES - 1);
});

test("a document of before anybody stood in is read, and one with an owed all-clear is obeyed by the next good run", async () => {
  await using a = await setting({ job: { notify: ["chat"] } });
  const since = "2026-11-21T03:00:00.000Z";
  const before = { schemaVersion: 1, job: "docs", failing: { since, runs: 1 }, missed: null, undelivered: [] };
  await a.storage.put("docs/.told.json", bytesOf(JSON.stringify(before)));
  assert.deepEqual(await readTold(a.storage, "docs"), before);
  await changeTold(a.storage, "docs", (known) => ({ ...known, allClear: { notifiers: ["duty"], tries: 0 } }));
  await a.run();
  assert.deepEqual(a.said(), ["resolve"]);
  assert.equal((await readTold(a.storage, "docs")).allClear, undefined);
});

test("who stood in with the good news has heard it, and a look tells it to nobody while runs fail", async () => {
  await using a = await setting({ job: { notify: ["chat"] } });
  a.source.bad = true;
  await a.run();
  a.source.bad = false;
  a.later(DAY);
  a.chat.sendFails.push(gone());
  await a.run();
  assert.deepEqual((await readTold(a.storage, "docs")).allClear?.notifiers, ["chat"]);
  a.source.bad = true;
  a.later(DAY);
  await a.run();
  await changeTold(a.storage, "docs", (known) => ({ ...known, allClear: { notifiers: ["chat"], tries: 1 } }));
  await a.look();
  assert.deepEqual(a.toldChat(), ["partial", "partial"]);
});
