import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { handler } from "../../../functions/collect.ts";
import { loadConfig } from "../../../lib/config/load.ts";
import { beginRun } from "../../../lib/function-steps.ts";
import { findJob } from "../../../lib/jobs.ts";
import { readPlan } from "../../../lib/plan-line.ts";
import { writeRecord } from "../../../lib/record.ts";
import { openStepAlone } from "../../support/step-backup.ts";
import { temporaryFolder } from "../../support/stores.ts";

const UNTIL = "2026-11-26T04:00:00.000Z";

test("a unit that waits for its source is counted in the function's log, and one that does not is not", async (t) => {
  await using folder = await temporaryFolder();
  const [file, source] = [join(folder.path, "core-backup.yml"), join(folder.path, "source")];
  await mkdir(source);
  await writeFile(join(source, "a.txt"), "a");
  const document = {
    jobs: [{ name: "files", service: "filesystem", options: { paths: [source] } }],
    storage: { here: { type: "filesystem", base_path: join(folder.path, "store") } },
  };
  await writeFile(file, JSON.stringify(document));
  const config = await loadConfig(file, { env: {} });
  const lines: string[] = [];
  t.mock.method(process.stdout, "write", (text: string) => lines.push(text) > 0);
  const backup = await openStepAlone(config);
  const { pointer } = await beginRun(
    { ...backup, planCopies: async () => undefined },
    { job: "files", only: undefined },
  );
  const storage = await backup.storage(findJob(config, "files"));
  const [unit] = await Array.fromAsync(readPlan(storage, pointer));
  assert.ok(unit);
  const { id, n, run, fingerprint } = unit;
  const about = { run, n, id, fingerprint, startedAt: UNTIL, durationMs: 0, attempts: 1, artifacts: [], warnings: [] };
  await writeRecord(storage, pointer, { ...about, status: "running", compute: "fargate", deferredUntil: UNTIL });

  process.env.CORE_BACKUP_CONFIG = file;
  process.env.STACK = "core-backup-test";
  const invocation = { awsRequestId: "1", getRemainingTimeInMillis: () => 900_000 };
  const measured = () => lines.filter((line) => line.includes('"_aws"'));
  const waits = await handler({ pointer, unit, ended: { compute: "fargate" } }, invocation);
  assert.deepEqual(waits, { status: "deferred", resumeAt: UNTIL });
  const [line, ...more] = measured();
  const { Stack, Job, UnitsDeferred, ...fields } = JSON.parse(line ?? "{}");
  assert.deepEqual([Stack, Job, UnitsDeferred, more.length], ["core-backup-test", "files", 1, 0]);
  assert.deepEqual([fields.job, fields.run, fields.unit, fields.level], ["files", run, id, "info"]);

  assert.equal((await handler({ pointer, unit }, invocation)).status, "ok");
  assert.equal(measured().length, 1);
  await backup.close();
});
