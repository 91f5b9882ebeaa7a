import assert from "node:assert/strict";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import * as z from "zod";
import { assertPlain, coreBackup, document, paths, start } from "../core-backup.ts";
import { type StuckJob, stuckJob } from "../stuck-job.ts";

const runDocument = z.object({
  status: z.literal("ok"),
  runs: z.tuple([
    z.object({
      run: z.string(),
      snapshot: z.string(),
      resumedAt: z.array(z.iso.datetime()),
      units: z.array(z.object({ id: z.string(), status: z.literal("ok"), startedAt: z.iso.datetime() })).length(5),
    }),
  ]),
  jobs: z.tuple([z.object({ resumed: z.object({ at: z.array(z.iso.datetime()), kept: z.int() }) })]),
});

/** A job of five units, one at a time, of which the third is stuck. */
async function fiveUnits(t: TestContext, more = ""): Promise<StuckJob & { readonly config: string }> {
  const stuck = await stuckJob(t, { at: 3 });
  const { folder, backups } = stuck.job;
  const sources = [1, 2, 3, 4, 5].map((n) => join(folder, `source-${n}`));
  for (const source of sources) {
    await mkdir(source);
    await writeFile(join(source, "file.txt"), `of ${source}\n`);
  }
  const config = join(folder, "five.yml");
  const job = `{ name: docs, service: filesystem, concurrency: 1, options: { paths: [${sources.join(", ")}] }${more} }`;
  await writeFile(config, `jobs: [${job}]\nstorage:\n  local: { type: filesystem, base_path: ${backups} }\n`);
  return { ...stuck, config };
}

test("after kill -9 in the third of five units the next run collects the last three, and the manifest says so", async (t) => {
  const { job, config, env, begun, count, goOn } = await fiveUnits(t);
  const first = start(["run", "--config", config], { env });
  await begun();
  first.process.kill("SIGKILL");
  await first.ended;
  assert.equal(await count(), 3);
  const killedAt = new Date().toISOString();
  const [folder] = (await paths(job.backups)).filter((path) => path.endsWith(".run/plan.jsonl"));

  const look = await coreBackup(["plan", "--config", config], { env });
  assert.match(look.stdout, /a run would take up the unfinished one of 20\d\d-\S+Z again/);
  await goOn();
  const next = await coreBackup(["run", "--json", "--config", config], { env });
  assert.equal(next.code, 0, JSON.stringify(next));
  assert.match(next.stderr, /took over the lease/);
  assert.match(next.stderr, /an unfinished run is taken up again/);
  assert.equal(await count(), 6);
  const { runs, jobs } = runDocument.parse(document(next));
  const [manifest] = runs;
  assert.ok(folder?.includes(manifest.snapshot.slice(11)));
  assert.deepEqual(jobs[0].resumed, { at: manifest.resumedAt, kept: 2 });
  assert.deepEqual(
    manifest.units.map(({ startedAt }) => startedAt < killedAt),
    [true, true, false, false, false],
  );
  assert.ok((manifest.resumedAt[0] ?? "") > killedAt);

  const verified = await coreBackup(["verify", "--prove", "--config", config]);
  assert.equal(verified.code, 0, JSON.stringify(verified));
  const restored = await coreBackup(["restore", "--job", "docs", "--to", join(job.folder, "out"), "--config", config]);
  assert.equal(restored.code, 0, JSON.stringify(restored));
  assert.deepEqual((await paths(join(job.folder, "out"))).filter((path) => path.endsWith("file.txt")).length, 5);
});

test("an interrupted run says how to take it up, and that does it", async (t) => {
  const { config, env, begun, count, goOn } = await fiveUnits(t, ", resume_within: 0");
  const first = start(["run", "--config", config], { env });
  await begun();
  first.process.kill("SIGINT");
  const ended = await first.ended;
  assert.equal(ended.code, 130, JSON.stringify(ended));
  assert.match(ended.stdout, /\nnext:\n {2}\S.*core-backup.* run --config \S+ --job docs --resume\n$/);
  assert.equal(await count(), 3);
  await goOn();
  const next = await coreBackup(["run", "--config", config, "--job", "docs", "--resume"], { env });
  assert.equal(next.code, 0, JSON.stringify(next));
  assertPlain(next);
  assert.match(next.stdout, /^docs {2}ok, resumed\n/);
  assert.match(next.stdout, /\nit was taken up again at 20\S+Z; 2 units had ended before and were kept\n/);
  assert.equal(await count(), 6);
});

test("a run whose configuration has changed is begun anew, says why, and sweeps what was left in its time", async (t) => {
  const { job, config, env, begun, count, goOn } = await fiveUnits(t);
  const first = start(["run", "--config", config], { env });
  await begun();
  first.process.kill("SIGKILL");
  await first.ended;
  await goOn();
  const yaml = await readFile(config, "utf8");
  await writeFile(config, yaml.replace("concurrency: 1", "compression: gzip"));
  const next = await coreBackup(["run", "--config", config], { env });
  assert.equal(next.code, 0, JSON.stringify(next));
  assert.match(next.stderr, /an unfinished run is not taken up again: the job's configuration has changed since/);
  assert.equal(await count(), 8);
  const plans = async () => (await paths(job.backups)).filter((path) => path.endsWith(".run/plan.jsonl")).length;
  assert.equal(await plans(), 2);

  await writeFile(config, yaml.replace("concurrency: 1", "resume_within: 0"));
  const pruned = await coreBackup(["prune", "--config", config]);
  assert.equal(pruned.code, 0, JSON.stringify(pruned));
  assert.match(pruned.stdout, /leftovers of 1 unfinished run/);
  assert.match(
    pruned.stdout,
    /removed +removed: unfinished run; it was last at work longer ago than resume_within \(0\)/,
  );
  assert.equal(await plans(), 1);
});
