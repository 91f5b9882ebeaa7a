import assert from "node:assert/strict";
import { appendFile, copyFile, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { startRecordingServer } from "../../support/recording-server.ts";
import { assertPlain, coreBackup, document, type Ended, temporaryFolder } from "../core-backup.ts";
import { filesJob } from "../files-job.ts";

interface Watched {
  readonly job: string;
  readonly ok: boolean;
  readonly age: number;
  readonly deadline: number;
  readonly lateBy: number | null;
  readonly problems: readonly { readonly code: string }[];
}

function theJob(ended: Ended): Watched {
  const [job] = document(ended) as Watched[];
  assert.ok(job !== undefined);
  return job;
}

test("two deadlines after the runner stopped, a watch elsewhere says so once, with only the file and the storage", async (t) => {
  await using hook = await startRecordingServer(() => ({ status: 200 }));
  const job = await filesJob(await temporaryFolder(t), "    deadline: 5s");
  await appendFile(job.config, "notifications:\n  hook: { type: webhook, url_env: HOOK }\n");
  const env = { HOOK: hook.url };
  assert.equal((await coreBackup(["run", "--config", job.config], { env })).code, 0);
  const elsewhere = join(await temporaryFolder(t), "elsewhere");
  await mkdir(elsewhere);
  const config = join(elsewhere, "core-backup.yml");
  await copyFile(job.config, config);
  await delay(11_000);

  const first = await coreBackup(["watch", "--json", "--config", config], { cwd: elsewhere, env });
  assert.equal(first.code, 1, JSON.stringify(first));
  const watched = theJob(first);
  assert.deepEqual([watched.job, watched.ok, watched.deadline], ["docs", false, 5]);
  assert.ok((watched.lateBy ?? 0) >= 5 && watched.age - 5 === watched.lateBy, JSON.stringify(watched));
  assert.deepEqual(
    watched.problems.map(({ code }) => code),
    ["JOB_LATE"],
  );
  const again = await coreBackup(["watch", "--config", config], { cwd: elsewhere, env });
  assert.equal(again.code, 1);
  assertPlain(again);
  assert.match(again.stdout, /^docs +NOT OK +\d/m);
  assert.match(again.stdout, /docs: JOB_LATE: no good snapshot since .*; no run was started since\n/);
  assert.equal(hook.calls.length, 1);
  assert.deepEqual(JSON.parse(hook.calls[0]?.body ?? "{}").jobs[0].events, ["missed"]);

  assert.equal((await coreBackup(["run", "--config", job.config], { env })).code, 0);
  assert.deepEqual(
    hook.calls.map(({ body }) => JSON.parse(body).jobs[0].events),
    [["missed"], ["recovered"]],
  );
});

test("a manifest that somebody changed, or took away, fails the watch, without anybody to tell", async (t) => {
  const job = await filesJob(await temporaryFolder(t), "    deadline: 1h");
  const ran = await coreBackup(["run", "--json", "--config", job.config]);
  const { jobs } = document(ran) as { jobs: { location: string }[] };
  assert.equal((await coreBackup(["watch", "--config", job.config])).code, 0);
  const manifest = join(jobs[0]?.location ?? "", "manifest.json");
  await writeFile(manifest, (await readFile(manifest, "utf8")).replace('"attempts": 1', '"attempts": 2'));
  const watched = await coreBackup(["watch", "--json", "--config", job.config]);
  assert.equal(watched.code, 1);
  assert.ok(theJob(watched).problems.some(({ code }) => code === "INTEGRITY_MANIFEST"));
  await rm(jobs[0]?.location ?? "", { recursive: true });
  const lost = await coreBackup(["watch", "--config", job.config]);
  assert.equal(lost.code, 1);
  assert.match(lost.stdout, /docs: SNAPSHOT_LOST: snapshot \S+ is gone, though a prune saw it and none removed it\n/);
});
