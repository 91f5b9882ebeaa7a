import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import * as z from "zod";
import { assertPlain, coreBackup, document, paths, start } from "../core-backup.ts";
import { filesJob } from "../files-job.ts";
import { stuckJob } from "../stuck-job.ts";

const refusedRun = z.object({
  status: z.literal("refused"),
  runs: z.array(z.never()),
  jobs: z.tuple([
    z.object({
      job: z.literal("docs"),
      status: z.literal("refused"),
      error: z.object({ code: z.literal("LEASE_HELD"), message: z.string(), retryable: z.literal(false) }),
      heldBy: z.object({
        purpose: z.literal("run"),
        host: z.string(),
        pid: z.int(),
        run: z.string(),
        snapshot: z.string(),
        since: z.iso.datetime(),
        expiresAt: z.iso.datetime(),
      }),
    }),
  ]),
});

const manifests = async (backups: string) => (await paths(backups)).filter((path) => path.endsWith("manifest.json"));

test("of two runs of one job at once one runs, and the other ends with 1 and says who works on it", async (t) => {
  const { job, env, begun, goOn } = await stuckJob(t);
  const first = start(["run", "--config", job.config], { env });
  await begun();
  const before = await paths(job.backups);

  const second = await coreBackup(["run", "--config", job.config]);
  assert.equal(second.code, 1, JSON.stringify(second));
  assertPlain(second);
  assert.match(second.stdout, /^docs {2}refused\n/);
  const who = new RegExp(`LEASE_HELD: job docs is being worked on by run \\w+ \\(process ${first.process.pid} on `);
  assert.match(second.stdout, who);
  const json = await coreBackup(["run", "--json", "--config", job.config]);
  assert.equal(json.code, 1);
  const [refused] = refusedRun.parse(document(json)).jobs;
  assert.equal(refused.heldBy.pid, first.process.pid);
  assert.ok(before.some((path) => path.includes(refused.heldBy.snapshot.slice(11))));
  assert.deepEqual(await paths(job.backups), before);

  const patient = start(["run", "--wait", "1m", "--config", job.config]);
  await patient.heard("waiting for run");
  assert.equal((await manifests(job.backups)).length, 0);
  await goOn();
  assert.equal((await first.ended).code, 0, JSON.stringify(await first.ended));
  assert.equal((await patient.ended).code, 0, JSON.stringify(await patient.ended));
  assert.equal((await manifests(job.backups)).length, 2);
});

test("of several processes that meet on an empty storage one runs", async (t) => {
  const { job, env, begun, goOn } = await stuckJob(t);
  const runs = Array.from({ length: 4 }, () => start(["run", "--config", job.config], { env }));
  await begun();
  let refused = 0;
  const codes = await Promise.all(
    runs.map(async (run) => {
      const { code } = await run.ended;
      if (code === 1) refused += 1;
      // The one that runs ends only now, so nobody comes after it.
      if (refused === runs.length - 1) await goOn();
      return code;
    }),
  );
  assert.equal(codes.filter((code) => code === 0).length, 1);
  assert.equal(codes.filter((code) => code === 1).length, 3);
  assert.equal((await manifests(job.backups)).length, 1);
});

test("after kill -9 the next run begins at once, and its log says whose lease it took over", async (t) => {
  const { job, env, begun } = await stuckJob(t);
  const first = start(["run", "--config", job.config], { env });
  await begun();
  first.process.kill("SIGKILL");
  await first.ended;
  const next = await coreBackup(["run", "--config", job.config]);
  assert.equal(next.code, 0, JSON.stringify(next));
  const who = new RegExp(
    `took over the lease of run \\w+ \\(process ${first.process.pid} on .*\\): its process has ended`,
  );
  assert.match(next.stderr, who);
  assert.equal((await manifests(job.backups)).length, 1);
  const third = await coreBackup(["run", "--config", job.config]);
  assert.doesNotMatch(third.stderr, /took over/);
});

test("a run whose lease another one took ends before it commits, with LEASE_LOST", async (t) => {
  const { job, env, begun, goOn } = await stuckJob(t);
  const run = start(["run", "--config", job.config], { env });
  await begun();
  const file = join(job.backups, "docs/.lease");
  const lease = JSON.parse(await readFile(file, "utf8"));
  const taken = { ...lease, token: "another", sequence: lease.sequence + 1, host: "elsewhere.example", run: "01OTHER" };
  await writeFile(file, JSON.stringify({ ...taken, process: undefined }));
  await goOn();
  const ended = await run.ended;
  assert.equal(ended.code, 1, JSON.stringify(ended));
  assert.match(ended.stdout, /^docs {2}failed\n/);
  assert.match(
    ended.stdout,
    /LEASE_LOST: the lease of job docs is not ours any more: it is that of run 01OTHER \(elsewhere\.example/,
  );
  assert.deepEqual(await manifests(job.backups), []);
  assert.equal(
    (await paths(job.backups)).some((path) => path.endsWith("SHA256SUMS")),
    false,
  );
  assert.match(await readFile(file, "utf8"), /"token":"another"/);
});

test("prune does not remove while another process works on the job, and does when nothing is to be removed", async (t) => {
  const { job, env, begun, goOn } = await stuckJob(t);
  for (let run = 0; run < 2; run += 1) assert.equal((await coreBackup(["run", "--config", job.config])).code, 0);
  const first = start(["run", "--config", job.config], { env });
  await begun();
  const idle = await coreBackup(["prune", "--config", job.config]);
  assert.equal(idle.code, 0, JSON.stringify(idle));

  const strict = join(job.folder, "strict.yml");
  const yaml = await readFile(job.config, "utf8");
  await writeFile(strict, yaml.replace("service: filesystem", "service: filesystem\n    retention: { keep_last: 1 }"));
  const refused = await coreBackup(["prune", "--json", "--config", strict]);
  assert.equal(refused.code, 1, JSON.stringify(refused));
  assert.match(JSON.stringify(document(refused)), /^\[\{"job":"docs","error":\{"code":"LEASE_HELD"/);
  assert.equal((await manifests(job.backups)).length, 2);

  await goOn();
  assert.equal((await first.ended).code, 0);
  const done = await coreBackup(["prune", "--config", strict]);
  assert.equal(done.code, 0, JSON.stringify(done));
  assert.equal((await manifests(job.backups)).length, 1);
  assert.match(await readFile(join(job.backups, "docs/.lease"), "utf8"), /"released": true,\n {2}"purpose": "prune"/);
});

test("a wait that is no duration is a wrong command line", async (t) => {
  const job = await filesJob((await stuckJob(t)).job.folder);
  const wrong = await coreBackup(["run", "--wait", "soon", "--config", job.config]);
  assert.equal(wrong.code, 2);
  assert.match(wrong.stderr, /--wait soon: must be a whole number with a unit/);
});
