import assert from "node:assert/strict";
import { test } from "node:test";
import { overview } from "../../../lib/overview/overview.ts";
import { jobDetails } from "../../../lib/page/job-details.ts";
import { runJobs } from "../../../lib/run.ts";
import { aBackup, aJob } from "../../support/a-backup.ts";

test("how long reading back and proving took is shown of runs of which something was proved", async () => {
  const a = aBackup({ jobs: [aJob(), aJob({ name: "unproved", verify: { checksum: 1, prove: false } })] });
  await runJobs(a.backup, ["docs", "unproved"]);
  const { jobs } = await overview(a.backup, a.backup.config.jobs);
  const lastCells = jobs.map((job, n) =>
    /<td>([^\n]*)<\/td><\/tr>/.exec(jobDetails(job, n).html)?.[1]?.split("</td><td>").at(-1),
  );
  assert.deepEqual(lastCells, ['<data value="0">0.0 s</data>', ""]);
});
