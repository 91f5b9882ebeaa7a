import assert from "node:assert/strict";
import { test } from "node:test";
import { bytesOf } from "../../../lib/bytes.ts";
import { notifierKinds } from "../../../lib/config/notifier-options.ts";
import { SourceError } from "../../../lib/errors.ts";
import { notify } from "../../../lib/notify/notify.ts";
import { runJobs } from "../../../lib/run.ts";
import { watch } from "../../../lib/watch/watch.ts";
import { aBackup, aJob } from "../../support/a-backup.ts";
import { openedNotifier } from "../../support/opened-notifier.ts";
import { pagerDuty } from "../../support/pagerduty-server.ts";
import { startRecordingServer } from "../../support/recording-server.ts";

const DAY = 86_400;
const KEY = "0123456789abcdef0123456789abcdef";

/** A daily job whose incidents PagerDuty keeps, and whose runs ping a dead man's switch. */
async function setting() {
  const { answer, incidents } = pagerDuty(KEY);
  const duty = await startRecordingServer(answer);
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
    jobs: [aJob({ schedule: "0 3 * * *" })],
    notifications: {
      duty: notifierKinds.pagerduty.parse(dutyOptions),
      pings: notifierKinds.webhook.parse(pingOptions),
    },
    notifiers: {
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
  return { ...a, source, run, look, isOpen, pinged, incidents, [Symbol.asyncDispose]: stop };
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
