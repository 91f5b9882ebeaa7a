import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { coreBackup, document, temporaryFolder } from "../core-backup.ts";
import { filesJob } from "../files-job.ts";

test("plan --cost says by service what a run and a month cost, by prices that can be given", async (t) => {
  const job = await filesJob(await temporaryFolder(t), "    schedule: 0 3 * * *\n");
  const plan = (...args: string[]) => coreBackup(["plan", "--cost", ...args, "--config", job.config]);
  const before = await plan();
  assert.equal(before.code, 0, JSON.stringify(before));
  assert.match(before.stdout, /on AWS +a run +a month\nLambda +< \$0\.01 +\$0\.0\d\nStep Functions /);
  assert.match(before.stdout, /assumed: 6 s for a unit, since the last run collected none\n/);
  assert.match(before.stdout, /30 runs a month, 1 snapshot of/);
  assert.match(
    before.stdout,
    /\nthe stack itself, whatever its jobs: \$4\.11 a month \(dashboard \$3\.00 beyond an account's first three, /,
  );
  await coreBackup(["run", "--config", job.config]);
  const after = await plan();
  assert.doesNotMatch(after.stdout, /assumed/);

  const prices = join(job.folder, "prices.yml");
  await writeFile(prices, "state_transition: 1\n");
  const { jobs, stack } = document(await plan("--json", "--prices", prices)) as {
    jobs: { cost: { run: { stepFunctions: number } } }[];
    stack: { dashboard: number };
  };
  assert.equal(jobs[0]?.cost.run.stepFunctions, 13 + 4);
  assert.equal(stack.dashboard, 3);
  await writeFile(prices, "state_transitions: 1\n");
  const wrong = await plan("--prices", prices);
  assert.deepEqual([wrong.code, /--prices \S+: Unrecognized key: "state_transitions"/.test(wrong.stderr)], [2, true]);
});
