import assert from "node:assert/strict";
import { test } from "node:test";
import { bytesOf } from "../../lib/bytes.ts";
import { SourceError } from "../../lib/errors.ts";
import { leaseKey } from "../../lib/keys.ts";
import { leaseBytes } from "../../lib/lease/lease-document.ts";
import { emitMetrics, measuredRuns } from "../../lib/measures/emit-metrics.ts";
import { metricFamilies } from "../../lib/measures/metric-families.ts";
import { metricsPage } from "../../lib/measures/metrics-page.ts";
import { changeCounts } from "../../lib/measures/run-counts.ts";
import { runJobs } from "../../lib/run.ts";
import { aBackup, aJob } from "../support/a-backup.ts";
import { aLease } from "../support/a-lease.ts";
import { noPromtool, promtool } from "../support/promtool.ts";

test("promtool finds nothing wrong with a page that holds every metric there is", { skip: noPromtool }, async () => {
  const a = aBackup({
    jobs: [aJob({ name: "docs", schedule: "0 3 * * *" }), aJob({ name: 'odd "name" \\ ü' })],
    units: () => [
      { id: "good", items: { "g.json": "g" } },
      { id: "bad", fails: () => new SourceError("SOURCE_FORBIDDEN", "no") },
    ],
    metrics: { labels: { site: "fra" } },
  });
  const good = aBackup({ storage: a.storage, jobs: a.backup.config.jobs });
  await runJobs(good.backup, ["docs"]);
  a.later(60);
  const { jobs } = await runJobs(
    a.backup,
    a.backup.config.jobs.map(({ name }) => name),
  );
  await emitMetrics(a.backup, measuredRuns(jobs));
  await changeCounts(a.storage, "docs", (counts) => ({ ...counts, sourceQuotaRemaining: 4_711 }));
  await a.storage.put(leaseKey("docs"), bytesOf(leaseBytes(aLease(a.backup.now()))));
  const page = await metricsPage(a.backup, { memory: new WeakMap(), withinMs: 60_000 });
  for (const { name } of metricFamilies) assert.match(page, new RegExp(`^${name}\\{`, "m"));
  assert.deepEqual(promtool(["check", "metrics"], page), { code: 0, output: "" });
  const wrong = promtool(["check", "metrics"], page.replaceAll("core_backup_runs_total", "core_backup_runs"));
  assert.equal(wrong.code, 3);
});
