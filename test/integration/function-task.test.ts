import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import type { Backup } from "../../lib/backup.ts";
import { bytesOf, readAll } from "../../lib/bytes.ts";
import { loadConfig } from "../../lib/config/load.ts";
import { type Begun, beginRun, finishStep } from "../../lib/function-steps.ts";
import { CONFIG_VARIABLE, packedConfig, TASK_VARIABLE } from "../../lib/function-task.ts";
import { findJob } from "../../lib/jobs.ts";
import { planKey } from "../../lib/keys.ts";
import { type PlanLine, readPlan } from "../../lib/plan-line.ts";
import { readRecord } from "../../lib/record.ts";
import type { Storage } from "../../lib/storage/storage.ts";
import { aGitFolder, aRepository } from "../support/git-repository.ts";
import { type GitServer, startGitServer } from "../support/git-server.ts";
import { openStepAlone } from "../support/step-backup.ts";
import { temporaryFolder } from "../support/stores.ts";

describe("a task: one unit of a run in a process of its own", () => {
  test("stores the unit that its environment names, with job, run and unit on each line of its log", async () => {
    await using run = await aBegunRun();
    const { code, stdout } = await run.task(1);
    assert.equal(code, 0, stdout);
    const record = await run.record(1);
    assert.deepEqual([record?.status, record?.compute], ["ok", "fargate"]);
    assert.equal(await run.record(0), undefined);
    for (const line of stdout.trim().split("\n")) {
      const { job, run: id, n, unit } = JSON.parse(line);
      assert.deepEqual([job, id, n, unit], ["repositories", run.begun.pointer.run, 1, record?.id], line);
    }
    await run.task(0);
    assert.equal((await finishStep(run.backup, run.begun.pointer)).status, "ok");
  });

  test("a unit that it is given is not looked for in the plan, of which it reads nothing", async () => {
    await using run = await aBegunRun();
    const plan = planKey(run.begun.pointer.job, run.begun.pointer.snapshot);
    const [first, second] = await Array.fromAsync(readPlan(run.storage, run.begun.pointer));
    assert.ok(first !== undefined && second !== undefined);
    const bytes = await readAll(await run.storage.get(plan), 1 << 20);
    await run.storage.remove([plan]);
    const given = (unit: PlanLine) => ({ [TASK_VARIABLE]: JSON.stringify({ ...run.begun, n: unit.n, unit }) });
    const { code, stdout } = await run.task(1, {}, given(second));
    assert.equal(code, 0, stdout);
    assert.deepEqual([(await run.record(1))?.status, (await run.record(1))?.compute], ["ok", "fargate"]);
    assert.equal((await run.task(0)).code, 1, "the plan is looked for");
    assert.equal((await run.task(0, {}, given(first))).code, 0);
    await run.storage.put(plan, bytesOf(bytes));
    assert.equal((await finishStep(run.backup, run.begun.pointer)).status, "ok");
  });

  test("a unit that fails is a result, and no failure of the task", async () => {
    await using run = await aBegunRun();
    run.git.switches.answer = (_, response) => {
      response.writeHead(404).end();
      return true;
    };
    const { code } = await run.task(0);
    assert.equal(code, 0);
    const record = await run.record(0);
    assert.deepEqual([record?.status, record?.error?.code], ["failed", "SOURCE_NOT_FOUND"]);
  });

  test("told to stop, it ends with a record that says so, and the run finishes with it", async () => {
    await using run = await aBegunRun();
    let asked = () => {};
    const reading = new Promise<void>((done) => {
      asked = done;
    });
    run.git.switches.answer = () => {
      asked();
      return true;
    };
    const task = run.task(0);
    await reading;
    task.kill("SIGTERM");
    const { code, stdout } = await task;
    assert.equal(code, 143, stdout);
    const record = await run.record(0);
    assert.deepEqual([record?.status, record?.error?.code], ["failed", "INTERRUPTED"]);
    run.git.switches.answer = () => false;
    await run.task(1);
    assert.equal((await finishStep(run.backup, run.begun.pointer)).status, "partial");
  });

  test("another run has taken over the job: it stores nothing and says why", async () => {
    await using run = await aBegunRun();
    const { code, stdout } = await run.task(0, { lease: "of-another" });
    assert.equal(code, 1);
    assert.match(stdout, /"level":"error".*"code":"LEASE_LOST"/);
    assert.equal(await run.record(0), undefined);
  });

  test("files are listed by a process that has no tar, and read by a task that has one", async () => {
    await using folder = await temporaryFolder();
    const [source, store] = [join(folder.path, "source"), join(folder.path, "store")];
    await mkdir(source);
    await writeFile(join(source, "a.txt"), "a");
    const job = { name: "files", service: "filesystem", options: { paths: [source] } };
    const document = (compute: string) => ({
      jobs: [{ ...job, compute }],
      storage: { here: { type: "filesystem", base_path: store } },
    });
    const begun = async (compute: string) => {
      const config = await loadConfig("desk.yml", { env: {}, text: JSON.stringify(document(compute)) });
      const backup = await openStepAlone(config);
      const path = process.env.PATH;
      process.env.PATH = folder.path;
      try {
        return { backup, ...(await beginRun(backup, { job: "files", only: undefined })) };
      } finally {
        process.env.PATH = path;
      }
    };
    await assert.rejects(begun("lambda"), /there is no tar on the PATH/);
    const { backup, pointer } = await begun("fargate");
    const task = await startTask({
      [TASK_VARIABLE]: JSON.stringify({ pointer, n: 0 }),
      [CONFIG_VARIABLE]: packedConfig(document("fargate")),
    });
    assert.equal(task.code, 0, task.stdout);
    const { status, totals } = await finishStep(backup, pointer);
    assert.deepEqual([status, totals.artifacts], ["ok", 1]);
    await backup.close();
  });

  for (const [what, env, said] of [
    ["no unit", { [TASK_VARIABLE]: undefined }, "CORE_BACKUP_TASK is not set"],
    ["no unit that can be read", { [TASK_VARIABLE]: "{}" }, "CORE_BACKUP_TASK does not say which unit"],
    ["a configuration that is wrong", { [CONFIG_VARIABLE]: packedConfig({ jobs: [] }) }, "storage: is missing"],
  ] as const) {
    test(`with ${what} in its environment it ends with exit code 2`, async () => {
      await using run = await aBegunRun();
      const { code, stderr } = await run.task(0, {}, env);
      assert.equal(code, 2);
      assert.ok(stderr.includes(said), stderr);
    });
  }
});

interface BegunRun extends AsyncDisposable {
  readonly git: GitServer;
  readonly backup: Backup;
  readonly begun: Begun;
  readonly storage: Storage;
  task(n: number, pointer?: object, env?: NodeJS.ProcessEnv): Promise<TaskEnd> & { kill(signal: NodeJS.Signals): void };
  record(n: number): ReturnType<typeof readRecord>;
}

interface TaskEnd {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A planned run of two repositories, whose units tasks may collect. */
async function aBegunRun(): Promise<BegunRun> {
  const folder = await temporaryFolder();
  const sources = await aGitFolder();
  for (const name of ["one.git", "two.git"]) await aRepository(sources.path, { name });
  const git = await startGitServer(sources.path);
  const repositories = [`${git.url}/one.git`, `${git.url}/two.git`];
  const document = {
    jobs: [{ name: "repositories", service: "git", target_storage: "here", options: { repositories } }],
    storage: { here: { type: "filesystem", base_path: join(folder.path, "store") } },
  };
  const config = await loadConfig("desk.yml", { env: {}, text: JSON.stringify(document) });
  const backup = await openStepAlone(config);
  const begun = await beginRun(backup, { job: "repositories", only: undefined });
  const storage = await backup.storage(findJob(config, "repositories"));
  return {
    git,
    backup,
    begun,
    storage,
    task: (n, pointer = {}, env = {}) =>
      startTask({
        [TASK_VARIABLE]: JSON.stringify({ pointer: { ...begun.pointer, ...pointer }, n }),
        [CONFIG_VARIABLE]: packedConfig(document),
        ...env,
      }),
    record: (n) => readRecord(storage, begun.pointer, n),
    async [Symbol.asyncDispose]() {
      await backup.close();
      for (const one of [git, sources, folder]) await one[Symbol.asyncDispose]();
    },
  };
}

function startTask(env: NodeJS.ProcessEnv) {
  const entry = join(import.meta.dirname, "../../functions/task.ts");
  const child = spawn(process.execPath, [entry], {
    env: { PATH: process.env.PATH, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  const ended = new Promise<TaskEnd>((done, fail) => {
    child.on("error", fail);
    child.on("close", (code) => done({ code, stdout, stderr }));
  });
  return Object.assign(ended, { kill: (signal: NodeJS.Signals) => void child.kill(signal) });
}
