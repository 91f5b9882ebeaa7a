import { test } from "node:test";
import { reportHtml } from "../../../lib/notifiers/html.ts";
import { reportText } from "../../../lib/notifiers/text.ts";
import type { Report } from "../../../lib/notify/report.ts";
import { aGoodJobReport, aJobReport, aReport } from "../../support/a-report.ts";
import { golden } from "../../support/golden.ts";

const link = "https://backups.example.com/docs?a=1&b=2";
const {
  snapshot: _,
  location: __,
  manifestKey: ___,
  ...neverBegan
} = aJobReport({
  job: "nas",
  summary: "STORAGE_NOT_MOUNTED: nothing is mounted on /mnt/nas",
  errors: [{ code: "STORAGE_NOT_MOUNTED", message: "nothing is mounted on /mnt/nas" }],
  lastGood: "unknown",
  next: "core-backup plan --config core-backup.yml --job nas",
});
const threshold = "shrank by 62% from 1.2 GiB in 2026-11-25T030000Z to 467 MiB, shrunk_by is 50%";

const messages: Readonly<Record<string, Report>> = {
  failure: aReport([aJobReport({ link, moreErrors: 12 })]),
  "several-jobs": aReport([
    aGoodJobReport({ job: "mail" }),
    neverBegan,
    aJobReport({ events: ["partial"], status: "partial", lastGood: "none" }),
    aGoodJobReport({ job: "db", events: ["threshold"], thresholds: [threshold] }),
  ]),
  storm: aReport(Array.from({ length: 300 }, (_unused, n) => aJobReport({ job: `job-${n}`, errors: [] }))),
  "stand-in": aReport([aJobReport()], { notes: ["slack could not be told: hooks.slack.com answers 503"] }),
  changed: aReport(
    [aGoodJobReport({ events: ["changed"], summary: "its schedule was 0 3 * * * UTC, and is 0 5 * * 0 UTC now" })],
    {
      kind: "watch",
    },
  ),
  test: aReport([], { kind: "test" }),
};

for (const [name, report] of Object.entries(messages)) {
  test(`the text of a message, ${name}, is what was agreed on`, async () => {
    await golden(`messages/${name}.txt`, reportText(report));
  });
}

for (const name of ["failure", "several-jobs", "test"] as const) {
  test(`the mail of a message, ${name}, is what was agreed on`, async () => {
    await golden(`messages/${name}.html`, reportHtml(messages[name] ?? aReport()));
  });
}
