import assert from "node:assert/strict";
import { test } from "node:test";
import { pagerDutyEvents } from "../../../lib/notifiers/pagerduty-events.ts";
import { CANARY, notifierContract } from "../../contract/notifier.ts";
import { aGoodJobReport, aJobReport, aReport } from "../../support/a-report.ts";
import { golden } from "../../support/golden.ts";
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
