import assert from "node:assert/strict";
import { test } from "node:test";
import * as z from "zod";
import { metricsSchema } from "../../../lib/config/metrics-options.ts";
import { endRun } from "../../../lib/end-run.ts";
import { sample } from "../../../lib/measures/job-samples.ts";
import { metricFamilies } from "../../../lib/measures/metric-families.ts";
import { metricsTargets } from "../../../lib/metrics/all.ts";
import { cloudwatchOutput } from "../../../lib/metrics/cloudwatch.ts";
import { cloudwatchMetrics, furtherMetrics } from "../../../lib/metrics/cloudwatch-metrics.ts";
import { runJobs } from "../../../lib/run.ts";
import { createRedaction } from "../../../lib/secrets/redaction.ts";
import { aBackup } from "../../support/a-backup.ts";
import { published } from "../../support/published.ts";

const { signal } = new AbortController();
const now = () => new Date("2026-11-26T03:00:00Z");

/** The JSON schema that the specification publishes, and its limits in words. */
const emf = z
  .object({
    _aws: z.strictObject({
      Timestamp: z.int(),
      CloudWatchMetrics: z
        .array(
          z.strictObject({
            Namespace: z.string().min(1).max(1024),
            Dimensions: z.array(z.array(z.string().min(1).max(250)).max(30)).min(1),
            Metrics: z
              .array(
                z.strictObject({
                  Name: z.string().min(1).max(1024),
                  Unit: z.enum(["Seconds", "Bytes", "Count"]),
                }),
              )
              .max(100),
          }),
        )
        .min(1),
    }),
  })
  .catchall(z.union([z.string().max(1024), z.number()]));

test("a run that ended is one line that the specification allows, and every name in it has its value", async () => {
  const lines: string[] = [];
  const output = cloudwatchOutput(
    { namespace: "core-backup", dimensions: ["site"], all: false },
    { write: (line) => lines.push(line), now },
  );
  const ended = published(["docs"]);
  await output.publish(ended, signal);
  assert.equal(lines.length, 1);
  assert.ok(!lines[0]?.includes("\n"));
  const document = emf.parse(JSON.parse(lines[0] ?? ""));
  const [directive] = document._aws.CloudWatchMetrics;
  assert.deepEqual(directive?.Dimensions, [["Job", "site"]]);
  for (const { Name } of directive?.Metrics ?? []) assert.equal(typeof document[Name], "number", Name);
  for (const name of directive?.Dimensions.flat() ?? []) assert.equal(typeof document[name], "string", name);
  const { _aws: _, ...values } = document;
  assert.deepEqual(values, {
    site: "fra",
    Job: "docs",
    RunsOk: 1,
    RunsPartial: 0,
    RunsFailed: 0,
    SourceBytes: 1_234_567_890_123,
    RemovedSnapshots: 0,
  });
});

test("with all: true everything that a run measures is in the lines, errors by code in one each", async () => {
  const lines: string[] = [];
  const options = { namespace: "core-backup", dimensions: ["site"], all: true };
  const { jobs, ...rest } = published(["docs"]);
  const measured = {
    samples: [
      ...["ok", "unchanged", "failed", "skipped"].map((status, n) =>
        sample("core_backup_snapshot_units", n, { status }),
      ),
      sample("core_backup_last_success_timestamp_seconds", now().getTime() / 1000 - 60),
      sample("core_backup_last_run_lease_wait_seconds", 5),
      sample("core_backup_source_quota_remaining", 4_000),
    ],
    increments: [
      sample("core_backup_source_requests_total", 12),
      sample("core_backup_errors_total", 2, { code: "SOURCE_FAILED" }),
      sample("core_backup_errors_total", 1, { code: "UNIT_TIMEOUT" }),
    ],
  };
  const output = cloudwatchOutput(options, { write: (line) => lines.push(line), now });
  await output.publish({ ...rest, jobs: jobs.map(({ job }) => ({ job, ...measured })) }, signal);
  const [line, ...errors] = lines.map((text): z.infer<typeof emf> => emf.parse(JSON.parse(text)));
  for (const { name } of furtherMetrics) assert.equal(typeof line?.[name], "number", name);
  const values = (...names: readonly string[]) => names.map((name) => line?.[name]);
  assert.deepEqual(values("UnitsOk", "UnitsUnchanged", "UnitsFailed", "UnitsSkipped"), [0, 1, 2, 3]);
  assert.deepEqual(values("SuccessAge", "LeaseWait", "SourceRequests", "SourceQuotaLeft"), [60, 5, 12, 4_000]);
  assert.deepEqual(
    errors.map(({ _aws, ...values }) => [_aws.CloudWatchMetrics[0]?.Dimensions, values]),
    [
      [[["Job", "Code", "site"]], { site: "fra", Job: "docs", Code: "SOURCE_FAILED", Errors: 2 }],
      [[["Job", "Code", "site"]], { site: "fra", Job: "docs", Code: "UNIT_TIMEOUT", Errors: 1 }],
    ],
  );
});

test("nothing is written when a run begins", async () => {
  const lines: string[] = [];
  const output = cloudwatchOutput(
    { namespace: "n", dimensions: [], all: true },
    { write: (line) => lines.push(line), now },
  );
  const { jobs, ...rest } = published(["docs"]);
  await output.publish({ ...rest, jobs: jobs.map((job) => ({ ...job, increments: [] })) }, signal);
  assert.deepEqual(lines, []);
});

test("each is of a metric that there is, by labels that it has", () => {
  for (const { of, labels = {}, name, unit } of [...cloudwatchMetrics, ...furtherMetrics]) {
    const family = metricFamilies.find((one) => one.name === of);
    assert.ok(family !== undefined, name);
    for (const label of Object.keys(labels)) assert.ok((family.labels as readonly string[]).includes(label), name);
    if (unit !== "Count") assert.ok(of.includes(unit.toLowerCase()), name);
  }
});

test("the last function of a run writes it into its log; at a desk there is no such output", async () => {
  const lines: string[] = [];
  const metrics = metricsSchema.parse({ cloudwatch: {} });
  const context = {
    secrets: { resolve: () => Promise.reject(new Error("no secret was configured")) },
    redaction: createRedaction(),
    hostname: "machine",
    env: {},
    now,
  };
  const functionLog = (line: string) => lines.push(line);
  const a = aBackup({ metrics, metricsTargets: metricsTargets(metrics, { ...context, functionLog }) });
  const { jobs } = await runJobs(a.backup, ["docs"]);
  const [job] = jobs;
  assert.ok(job?.status === "ok" && job.snapshot !== undefined);
  const ended = await endRun(a.backup, { outcome: { job: "docs", status: "ok", snapshot: job.snapshot }, removed: 3 });
  assert.equal(ended.unmeasured, 0);
  assert.equal(lines.length, 1);
  const document = emf.parse(JSON.parse(lines[0] ?? ""));
  assert.equal(document.Job, "docs");
  assert.equal(document.RunsOk, 1);
  assert.equal(document.RemovedSnapshots, 3);
  assert.equal(document.Artifacts, 1);
  assert.equal(typeof document.GoodSnapshotAge, "number");
  assert.deepEqual(metricsTargets(metrics, { ...context, functionLog: undefined }), []);
});
