import assert from "node:assert/strict";
import { test } from "node:test";
import { reportHtml } from "../../../lib/notifiers/html.ts";
import { pagerDutyEvents } from "../../../lib/notifiers/pagerduty-events.ts";
import { slackMessage } from "../../../lib/notifiers/slack-blocks.ts";
import { reportText } from "../../../lib/notifiers/text.ts";
import { notify } from "../../../lib/notify/notify.ts";
import type { Report } from "../../../lib/notify/report.ts";
import { runJobs } from "../../../lib/run.ts";
import { watch } from "../../../lib/watch/watch.ts";
import { aBackup, aJob, contentsOf } from "../../support/a-backup.ts";
import { golden } from "../../support/golden.ts";
import { memoryNotifier, told } from "../../support/memory-notifier.ts";
import { openedNotifier } from "../../support/opened-notifier.ts";
import { startRecordingServer } from "../../support/recording-server.ts";

const HOUR = 3600;
const DAY = 24 * HOUR;

/** What a job's runs and a watch of it told, one after the other: nothing here is made up, but for the machine's name. */
async function toldReports(): Promise<Readonly<Record<string, Report>>> {
  const ops = memoryNotifier();
  const source = { size: 1 };
  const a = aBackup({
    units: () => [{ id: "my-org/app", items: { "app.json": "a".repeat(1_000_000 * source.size) } }],
    jobs: [aJob({ schedule: "0 3 * * *", compression: { type: "none", level: 0 } })],
    notifications: {
      ops: told({ manifest_link: "https://backups.example.com/{key}", thresholds: { grown_by: "50%" } }),
    },
    notifiers: { ops: ops.notifier },
  });
  const store = { type: "filesystem", base_path: "/mnt/backups" } as const;
  const backup = { ...a.backup, config: { ...a.backup.config, storage: { store } } };
  const run = async () => notify(backup, { runs: (await runJobs(backup, ["docs"])).jobs });
  const reported = async (work: () => Promise<unknown>): Promise<Report> => {
    const before = ops.reports.length;
    await work();
    const [report, ...others] = ops.reports.slice(before);
    assert.ok(report !== undefined && others.length === 0);
    return { ...report, host: "backup-1", tool: { name: "core-backup", version: "1.2.3" } };
  };
  await run();
  a.later(2 * DAY + 9 * HOUR);
  const missed = await reported(() => watch(backup, backup.config.jobs, { dryRun: false }));
  a.later(HOUR);
  const recovered = await reported(run);
  a.later(14 * HOUR);
  source.size = 2;
  const threshold = await reported(run);
  await a.storage.remove([...(await contentsOf(a.storage)).keys()].filter((key) => key.startsWith("docs/2026-11-24/")));
  a.later(DAY);
  const lost = await reported(run);
  return { missed, recovered, threshold, lost };
}

/** What a webhook is really sent. */
async function webhookBody(report: Report): Promise<unknown> {
  await using server = await startRecordingServer(() => ({ status: 204 }));
  const { notifier } = await openedNotifier({ type: "webhook", url_env: "HOOK" }, { HOOK: server.url });
  await notifier.send(report, new AbortController().signal);
  return JSON.parse(server.calls[0]?.body ?? "");
}

test("what a late job, one that is good again, over a threshold or without an earlier snapshot is told as, in every form", async () => {
  for (const [name, report] of Object.entries(await toldReports())) {
    await golden(`messages/told-${name}.txt`, reportText(report));
    await golden(`messages/told-${name}.html`, reportHtml(report));
    const forms = {
      slack: slackMessage(report),
      pagerduty: pagerDutyEvents(report, { routingKey: "ROUTING_KEY", prefix: undefined }),
      webhook: await webhookBody(report),
    };
    await golden(`messages/told-${name}.json`, `${JSON.stringify(forms, null, 2)}\n`);
  }
});
