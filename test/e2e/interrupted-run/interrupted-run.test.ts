import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { assertPlain, coreBackup, document, paths, start } from "../core-backup.ts";
import { stuckJob } from "../stuck-job.ts";

for (const [signal, code] of [
  ["SIGINT", 130],
  ["SIGTERM", 143],
  ["SIGHUP", 129],
] as const) {
  test(`${signal} ends a run in order with ${code}: the unit is recorded as interrupted, and no snapshot comes to exist`, async (t) => {
    const { job, env } = await stuckJob(t);
    const run = start(["run", "--config", job.config], { env });
    await run.heard("started");
    run.process.kill(signal);
    const ended = await run.ended;
    assert.equal(ended.code, code, JSON.stringify(ended));
    assertPlain(ended);
    assert.match(ended.stderr, new RegExp(`${signal}: ending in order`));
    assert.match(ended.stdout, /^docs {2}interrupted\n/);

    const stored = await paths(job.backups);
    const record = stored.find((path) => path.endsWith(".run/units/0.json"));
    assert.match(await readFile(join(job.backups, record ?? ""), "utf8"), /"code": "INTERRUPTED"/);
    assert.deepEqual(
      stored.filter((path) => path.endsWith("manifest.json") || path.includes("files.tar")),
      [],
    );

    const next = await coreBackup(["run", "--config", job.config]);
    assert.equal(next.code, 0, JSON.stringify(next));
  });
}

test("an interrupted run with --json still prints one document", async (t) => {
  const { job, env } = await stuckJob(t);
  const run = start(["run", "--json", "--config", job.config], { env });
  await run.heard("started");
  run.process.kill("SIGTERM");
  const ended = await run.ended;
  assert.equal(ended.code, 143);
  assert.match(JSON.stringify(document(ended)), /^\{"status":"interrupted","runs":\[\]/);
});

test("a second signal of the same kind ends at once, and the next run succeeds", async (t) => {
  // A source that ignores being told to stop, as a hanging mount does.
  const { job, env, begun } = await stuckJob(t, { first: "trap '' TERM INT" });
  const run = start(["run", "--config", job.config], { env });
  await begun();
  run.process.kill("SIGINT");
  await run.heard("ending in order");
  // Sooner, it would be taken for the same one heard twice.
  await delay(300);
  run.process.kill("SIGINT");
  const ended = await run.ended;
  assert.equal(ended.code, 130, JSON.stringify(ended));
  assert.equal(ended.stdout, "");
  assert.equal((await coreBackup(["run", "--config", job.config])).code, 0);
});
