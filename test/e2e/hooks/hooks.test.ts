import assert from "node:assert/strict";
import { readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { coreBackup, document, paths, start, temporaryFolder } from "../core-backup.ts";
import { type FilesJob, filesJob } from "../files-job.ts";

const CANARY = "canary-hook-4718";

/** A job whose hooks write into `diary`. */
async function hooked(
  t: TestContext,
  hooks: (folder: string) => string,
): Promise<FilesJob & { diary(): Promise<string> }> {
  const folder = await temporaryFolder(t);
  const job = await filesJob(folder, `    hooks:\n${hooks(folder).replace(/^/gm, "      ")}`);
  return { ...job, diary: async () => (await readFile(join(folder, "diary"), "utf8").catch(() => "")).trim() };
}

const write = (folder: string, text: string) => `echo ${text} >> ${folder}/diary`;

test("before runs before anything is read and after when all of it was, each with what it is told", async (t) => {
  const job = await hooked(
    t,
    (
      folder,
    ) => `before: "echo fresh > ${folder}/source/dump.txt; ${write(folder, "$CORE_BACKUP_HOOK $CORE_BACKUP_JOB")}"
after: { run: [/bin/sh, -c, "${write(folder, "$CORE_BACKUP_HOOK")}; rm $0", "${folder}/source/dump.txt"], timeout: 1m }
on_failure: "${write(folder, "failed")}"`,
  );
  const ran = await coreBackup(["run", "--config", job.config]);
  assert.equal(ran.code, 0, JSON.stringify(ran));
  assert.equal(await job.diary(), "before docs\nafter");
  const to = join(job.folder, "restored");
  assert.equal((await coreBackup(["restore", "--config", job.config, "--job", "docs", "--to", to])).code, 0);
  const restored = (await paths(to)).find((path) => path.endsWith("dump.txt"));
  assert.equal(await readFile(join(to, restored ?? ""), "utf8"), "fresh\n");
});

test("a before that fails stops the job with its own code; after and on_failure run, and no snapshot comes to exist", async (t) => {
  const job = await hooked(
    t,
    (folder) => `before: "echo cannot stop the service >&2; exit 3"
after: "${write(folder, "after")}"
on_failure: "${write(folder, "$CORE_BACKUP_STATUS $CORE_BACKUP_ERROR")}"`,
  );
  const ran = await coreBackup(["run", "--json", "--config", job.config]);
  assert.equal(ran.code, 1, JSON.stringify(ran));
  const { runs, jobs } = document(ran) as { runs: unknown[]; jobs: { error: { code: string; message: string } }[] };
  assert.deepEqual(runs, []);
  assert.equal(jobs[0]?.error.code, "HOOK_FAILED");
  assert.match(
    jobs[0].error.message,
    /^the hook before failed: \/bin\/sh ended with exit code 3: cannot stop the service$/,
  );
  assert.match(ran.stderr, /before: cannot stop the service/);
  assert.equal(await job.diary(), "after\nfailed HOOK_FAILED");
  assert.deepEqual(
    (await paths(job.backups)).filter((path) => /manifest|plan/.test(path)),
    [],
  );
});

test("an after that fails is a warning in the manifest of a good snapshot", async (t) => {
  const job = await hooked(
    t,
    (folder) => `after: [${folder}/no-such-program]\non_failure: "${write(folder, "failed")}"`,
  );
  const ran = await coreBackup(["run", "--json", "--config", job.config]);
  assert.equal(ran.code, 0, JSON.stringify(ran));
  const { runs } = document(ran) as { runs: { status: string; warnings: { code: string; message: string }[] }[] };
  assert.equal(runs[0]?.status, "ok");
  assert.deepEqual(
    runs[0].warnings.map(({ code }) => code),
    ["HOOK_FAILED"],
  );
  assert.match(
    runs[0].warnings[0]?.message ?? "",
    /the hook after failed: the program .*no-such-program is not installed/,
  );
  assert.equal(await job.diary(), "");
});

test("a source that fails: after runs all the same, then on_failure with the snapshot that is partial or failed", async (t) => {
  const job = await hooked(
    t,
    (folder) =>
      `after: "${write(folder, "after")}"\non_failure: "${write(folder, "$CORE_BACKUP_STATUS $CORE_BACKUP_SNAPSHOT")}"`,
  );
  await rename(job.source, `${job.source}-gone`);
  assert.equal((await coreBackup(["run", "--config", job.config])).code, 1);
  assert.match(await job.diary(), /^after\nfailed \d{4}-\d\d-\d\dT\d{6}Z$/);
});

test("a hook that takes too long is ended with all that it started", async (t) => {
  const job = await hooked(
    t,
    (folder) => `before: { run: "sleep 300 & echo $! > ${folder}/child; sleep 300", timeout: 1s }`,
  );
  const ran = await coreBackup(["run", "--json", "--config", job.config]);
  assert.equal(ran.code, 1, JSON.stringify(ran));
  const { jobs } = document(ran) as { jobs: { error: { code: string; message: string } }[] };
  assert.deepEqual(jobs[0]?.error, {
    code: "HOOK_TIMEOUT",
    message: "the hook before took longer than its timeout of 1 s",
    retryable: false,
  });
  await assertGone(Number(await readFile(join(job.folder, "child"), "utf8")));
});

test("an interrupt ends before with all that it started, and after still puts things back", async (t) => {
  const job = await hooked(
    t,
    (folder) => `before: "sleep 300 & echo $! > ${folder}/child; echo begun; wait"\nafter: "${write(folder, "after")}"`,
  );
  const run = start(["run", "--config", job.config]);
  await run.heard("begun");
  run.process.kill("SIGTERM");
  assert.equal((await run.ended).code, 143);
  await assertGone(Number(await readFile(join(job.folder, "child"), "utf8")));
  assert.equal(await job.diary(), "after");
});

test("a hook sees the variables that it names and no others, and what it prints of them is hidden", async (t) => {
  const job = await hooked(
    t,
    (folder) => `before: { run: "echo the password is $PASSWORD; env > ${folder}/env", env: [PASSWORD] }
on_failure: "env > ${folder}/other-env"`,
  );
  await rm(job.source, { recursive: true });
  const env = { PASSWORD: CANARY, OTHER_SECRET: "canary-other-4719" };
  const ran = await coreBackup(["run", "--verbose", "--config", job.config], { env });
  assert.equal(ran.code, 1, JSON.stringify(ran));
  assert.match(ran.stderr, /before: the password is \*\*\*/);
  assert.ok(!`${ran.stdout}${ran.stderr}`.includes("canary"));
  const [seen, other] = await Promise.all(["env", "other-env"].map((name) => readFile(join(job.folder, name), "utf8")));
  assert.match(seen ?? "", new RegExp(`^PASSWORD=${CANARY}$`, "m"));
  assert.doesNotMatch(`${seen}${other}`, /OTHER_SECRET/);
  assert.doesNotMatch(other ?? "", /PASSWORD/);
  for (const path of await paths(job.backups)) {
    const content = await readFile(join(job.backups, path), "utf8").catch(() => "");
    assert.ok(!content.includes(CANARY), path);
  }
});

test("a hook runs under the job's lease: a second run is refused and runs none", async (t) => {
  const job = await hooked(
    t,
    (folder) => `before: "${write(folder, "before")}; echo begun; while [ ! -e ${folder}/go ]; do sleep 0.05; done"`,
  );
  const first = start(["run", "--config", job.config]);
  await first.heard("begun");
  const second = await coreBackup(["run", "--json", "--config", job.config]);
  assert.equal((document(second) as { status: string }).status, "refused");
  await writeFile(join(job.folder, "go"), "");
  assert.equal((await first.ended).code, 0);
  assert.equal(await job.diary(), "before");
});

/** A zombie counts as gone: nobody here may be there to wait for it. */
async function assertGone(pid: number): Promise<void> {
  assert.ok(pid > 0);
  for (let tries = 0; tries < 100; tries += 1) {
    const state = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => undefined);
    if (state === undefined || / Z /.test(state)) return;
    await delay(50);
  }
  assert.fail(`process ${pid} goes on`);
}
