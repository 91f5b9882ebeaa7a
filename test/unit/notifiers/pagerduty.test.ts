import assert from "node:assert/strict";
import { test } from "node:test";
import { NotifierError, TransientError } from "../../../lib/errors.ts";
import { pagerDutyEvents } from "../../../lib/notifiers/pagerduty-events.ts";
import { CANARY, notifierContract } from "../../contract/notifier.ts";
import { aGoodJobReport, aJobReport, aReport } from "../../support/a-report.ts";
import { golden } from "../../support/golden.ts";
import { openedNotifier } from "../../support/opened-notifier.ts";
import { pagerDuty } from "../../support/pagerduty-server.ts";
import { startRecordingServer } from "../../support/recording-server.ts";
import { startSilentServer } from "../../support/silent-server.ts";

const KEY = `${CANARY}${"0".repeat(32 - CANARY.length)}`;
const env = { KEY };
const optionsFor = (url: string) => ({ type: "pagerduty", routing_key_env: "KEY", url: `${url}/v2/enqueue` });

notifierContract("pagerduty", {
  tellsGood: false,
  async make() {
    const { answer } = pagerDuty(KEY);
    const taken: string[] = [];
    const server = await startRecordingServer((call) => {
      const given = answer(call);
      if (given.status === 202) taken.push(call.body);
      return given;
    });
    return {
      options: optionsFor(server.url),
      env,
      received: async () => taken,
      markup: async () => [],
      stop: server.stop,
      [Symbol.asyncDispose]: server.stop,
    };
  },
  async silent() {
    const server = await startSilentServer();
    return { ...server, options: optionsFor(`http://127.0.0.1:${server.port}`), env };
  },
});

const to = { routingKey: KEY, prefix: undefined };

test("an incident of a job stays one however often it fails, and ends with the next good run", () => {
  const { answer, incidents } = pagerDuty(KEY);
  const take = (report: ReturnType<typeof aReport>) => {
    for (const event of pagerDutyEvents(report, to)) {
      const call = { method: "POST", path: "/v2/enqueue", headers: {}, body: JSON.stringify(event) };
      assert.equal(answer(call).status, 202, answer(call).body);
    }
  };
  const open = () => [...incidents.values()].filter((incident) => incident.open).length;
  take(aReport([aJobReport(), aJobReport({ job: "db", key: "core-backup/db/1" })]));
  take(aReport([aJobReport()]));
  assert.equal(open(), 2);
  take(aReport([aGoodJobReport(), aJobReport({ job: "db", key: "core-backup/db/1" })]));
  assert.equal(open(), 1);
  take(aReport([aGoodJobReport({ key: "core-backup/db/1", events: ["success"] })]));
  assert.equal(open(), 0);
});

test("a good run over a threshold is an incident", () => {
  const [event] = pagerDutyEvents(
    aReport([
      aGoodJobReport({ events: ["success", "threshold"], thresholds: ["took 3 h, more than duration_over 2 h"] }),
    ]),
    to,
  );
  assert.equal(event?.event_action, "trigger");
  assert.equal(event.payload?.severity, "warning");
  assert.match(event.payload.summary, /took 3 h/);
});

test("an event that is refused keeps no other from being sent, and what was taken is not sent twice", async () => {
  await using server = await startRecordingServer(({ body }) => ({ status: body.includes('job-1"') ? 400 : 202 }));
  const { notifier } = await openedNotifier(optionsFor(server.url), env);
  const jobs = [0, 1, 2, 3, 4, 5].map((n) => aJobReport({ job: `job-${n}`, key: `core-backup/job-${n}` }));
  const good = aGoodJobReport({ job: "good", key: "core-backup/good" });
  const report = aReport([good, ...jobs]);
  const never = new AbortController().signal;
  await assert.rejects(notifier.send(report, never), NotifierError);
  const keys = () => server.calls.map(({ body }) => JSON.parse(body).dedup_key);
  assert.equal(new Set(keys()).size, 7);
  assert.ok(!keys().slice(0, 4).includes("core-backup/good"), "the good one was not last");
  await assert.rejects(notifier.send(report, never), NotifierError);
  assert.deepEqual(keys().slice(7), ["core-backup/job-1"]);
});

test("a server that is out of order is not asked for each job", async () => {
  await using server = await startRecordingServer(() => ({ status: 503 }));
  const { notifier } = await openedNotifier(optionsFor(server.url), env);
  const jobs = Array.from({ length: 40 }, (_, n) => aJobReport({ job: `job-${n}`, key: `core-backup/job-${n}` }));
  await assert.rejects(notifier.send(aReport(jobs), new AbortController().signal), TransientError);
  assert.ok(server.calls.length <= 4, `${server.calls.length} calls`);
});

test("a prefix keeps the incidents of two machines apart", () => {
  const keys = ["a", "b"].map((prefix) => pagerDutyEvents(aReport(), { routingKey: KEY, prefix })[0]?.dedup_key);
  assert.equal(new Set(keys).size, 2);
});

test("the events of a failing job, a late one, a good one and a test", async () => {
  const late = aJobReport({
    job: "db",
    key: "core-backup/db/1",
    events: ["missed"],
    status: "late",
    summary: "no good snapshot",
  });
  const events = [
    ...pagerDutyEvents(aReport([aJobReport({ link: "https://backups.example.com/docs" }), late, aGoodJobReport()]), to),
    ...pagerDutyEvents(aReport([], { kind: "test" }), to),
  ];
  await golden("messages/pagerduty.json", `${JSON.stringify(events, null, 2).replaceAll(KEY, "ROUTING_KEY")}\n`);
});
