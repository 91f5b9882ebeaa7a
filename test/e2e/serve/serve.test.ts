import assert from "node:assert/strict";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { type TestContext, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { startRecordingServer } from "../../support/recording-server.ts";
import {
  assertPlain,
  coreBackup,
  document,
  type Ended,
  paths,
  type Started,
  start,
  temporaryFolder,
} from "../core-backup.ts";
import { filesJob } from "../files-job.ts";
import { stuckJob } from "../stuck-job.ts";

/** What is waited for may never come. */
const LIMIT = { timeout: 120_000 };
const NIGHTLY = "    schedule: 0 3 1 1 *";

interface Listed {
  readonly job: string;
  readonly snapshot: string;
  readonly status: string;
}

async function listed(config: string): Promise<Listed[]> {
  return document(await coreBackup(["list", "--json", "--config", config])) as Listed[];
}

/** Starts it on a free port; comes back when it answers. */
async function serving(t: TestContext, config: string, more: readonly string[] = [], env: NodeJS.ProcessEnv = {}) {
  const STATE_DIRECTORY = join(await temporaryFolder(t), "state");
  const served = start(["serve", "--port", "0", "--config", config, ...more], { env: { STATE_DIRECTORY, ...env } });
  t.after(() => served.process.kill("SIGKILL"));
  await served.heard("see http://");
  return served;
}

async function urlOf(served: Started): Promise<string> {
  await served.heard("see http://");
  return /see (http:\/\/[^\s"]+)/.exec(served.stderr())?.[1] ?? "";
}

async function get(
  url: string,
  { method = "GET", ...headers }: { method?: string; host?: string; accept?: string } = {},
) {
  const asked = request(url, { method, agent: false, headers });
  asked.end();
  const [response] = await once(asked, "response");
  const { refresh } = response.headers;
  return {
    status: response.statusCode as number,
    body: await text(response),
    ...(refresh === undefined ? {} : { refresh }),
  };
}

/** Until it is made, a browser is told when to ask again. */
async function pageOf(url: string) {
  for (;;) {
    const page = await get(url, { accept: "text/html,application/xhtml+xml,*/*;q=0.8" });
    if (page.status === 200) return page;
    assert.deepEqual([page.status, page.refresh], [503, "2"]);
    await delay(100);
  }
}

test("serve makes up for what was missed, shows what it does, and ends in order with 0", LIMIT, async (t) => {
  const job = await filesJob(await temporaryFolder(t), NIGHTLY);
  const served = await serving(t, job.config);
  const url = await urlOf(served);
  await served.heard("docs: due now: it was never run");
  await served.heard("docs: ended: ok");
  await served.heard("docs: next run at ");

  assert.deepEqual(await get(`${url}healthz`), { status: 200, body: "ok\n" });
  assert.deepEqual(await get(`${url}readyz`), { status: 200, body: "ready\n" });
  const metrics = await get(`${url}metrics`);
  assert.equal(metrics.status, 200);
  assert.match(metrics.body, /^core_backup_last_good_snapshot_timestamp_seconds\{backup_job="docs"\} \d+$/m);
  const summary = await get(url);
  assert.equal(summary.status, 200);
  assert.match(summary.body, /^job +newest that counts +age +deadline +last run here +now$/m);
  assert.match(summary.body, /^docs +ok +\d{4}-\d\d-\d\dT\d{6}Z .* ok +next \d{4}-01-01 03:00:00 \+00:00$/m);
  const page = await pageOf(url);
  assert.match(page.body, /^<!doctype html>/i);
  assert.ok(page.body.includes("docs"));
  assert.deepEqual(await get(url, { method: "HEAD" }), { status: 200, body: "" });
  assert.equal((await get(url, { method: "POST" })).status, 405);
  assert.equal((await get(`${url}no/such/page`)).status, 404);
  assert.equal((await get(url, { host: "evil.example" })).status, 421);
  assert.equal((await get(url, { host: "localhost:1" })).status, 200);

  served.process.kill("SIGTERM");
  const ended = await served.ended;
  assert.equal(ended.code, 0, ended.stderr);
  assert.equal(ended.stdout, "");
  assert.match(ended.stderr, /ended in order, after 1 run\n$/);
  assertPlain(ended);
  assert.equal((await listed(job.config)).length, 1);

  const again = await serving(t, job.config);
  await again.heard("docs: next run at ");
  again.process.kill("SIGINT");
  assert.equal((await again.ended).code, 0);
  assert.equal((await listed(job.config)).length, 1, "a restart knows that nothing is due");
});

test(
  "SIGHUP takes over the file; a wrong one is refused with all that is wrong, and the one in force stays",
  LIMIT,
  async (t) => {
    const job = await filesJob(await temporaryFolder(t), NIGHTLY);
    const served = await serving(t, job.config);
    const url = await urlOf(served);
    await served.heard("docs: ended: ok");
    const right = await readFile(job.config, "utf8");

    await writeFile(
      job.config,
      right.replace("schedule: 0 3", "schedule: 99 3").replace("service: files", "service: fils"),
    );
    served.process.kill("SIGHUP");
    await served.heard("the one before stays in force");
    assert.match(served.stderr(), /error: .*core-backup.yml:3:\d+: jobs\[0\].service: unknown service "filsystem"/);
    assert.match(served.stderr(), /error: .*core-backup.yml:\d+:\d+: jobs\[0\].schedule: minute: "99" is out of range/);
    assert.match((await get(url)).body, /the file was changed and is wrong/);
    assert.match((await get(`${url}readyz`)).body, /^ready\nthe configuration in the file is wrong/);

    const second = right.slice(right.indexOf("  - name"), right.indexOf("\nstorage:") + 1).replace("docs", "more");
    await writeFile(job.config, right.replace("\nstorage:", `\n${second}storage:`));
    served.process.kill("SIGHUP");
    await served.heard("took over");
    await served.heard("more: ended: ok");
    assert.deepEqual(await get(`${url}readyz`), { status: 200, body: "ready\n" });
    served.process.kill("SIGTERM");
    assert.equal((await served.ended).code, 0);
    assert.deepEqual(
      (await listed(job.config)).map(({ job: name }) => name),
      ["docs", "more"],
    );
  },
);

for (const [signal, code] of [
  ["SIGTERM", 0],
  ["SIGKILL", null],
] as const) {
  test(`a run that ${signal} ended with serve is taken up by the next serve`, LIMIT, async (t) => {
    const stuck = await stuckJob(t);
    const { config, backups } = stuck.job;
    await writeFile(
      config,
      (await readFile(config, "utf8")).replace("    target_storage", `${NIGHTLY}\n    target_storage`),
    );
    const first = await serving(t, config, [], stuck.env);
    await stuck.begun();
    first.process.kill(signal);
    const ended = await first.ended;
    assert.equal(ended.code, code, ended.stderr);
    assert.ok(!(await paths(backups)).some((path) => path.endsWith("manifest.json")));

    const next = await serving(t, config);
    await next.heard("docs: due now: its last run was ended before its time and is taken up again");
    await next.heard("docs: ended: ok");
    next.process.kill("SIGTERM");
    assert.equal((await next.ended).code, 0);
    const manifest = (await paths(backups)).filter((path) => path.endsWith("manifest.json"));
    assert.equal(manifest.length, 1);
    const { resumedAt } = JSON.parse(await readFile(join(backups, manifest[0] ?? ""), "utf8"));
    assert.equal(resumedAt.length, 1);
  });
}

test("jobs that fail together are one message, and serve goes on", LIMIT, async (t) => {
  await using hook = await startRecordingServer(() => ({ status: 200 }));
  const folder = await temporaryFolder(t);
  const job = await filesJob(folder, NIGHTLY);
  const jobs = ["a", "b", "c", "d"].map(
    (name) =>
      `  - { name: ${name}, service: filesystem, schedule: "@yearly", options: { paths: ${folder}/not-there } }\n`,
  );
  const yaml = `jobs:\n${jobs.join("")}storage:\n  local: { type: filesystem, base_path: ${job.backups} }
notifications:\n  hook: { type: webhook, url_env: HOOK }\nmax_jobs: 4\n`;
  await writeFile(job.config, yaml);
  const served = await serving(t, job.config, [], { HOOK: hook.url });
  for (const name of ["a", "b", "c", "d"]) await served.heard(`${name}: ended: failed in`);
  assert.equal((await get(`${await urlOf(served)}healthz`)).status, 200);
  served.process.kill("SIGTERM");
  assert.equal((await served.ended).code, 0);
  assert.equal(hook.calls.length, 1);
  assert.deepEqual(
    JSON.parse(hook.calls[0]?.body ?? "")
      .jobs.map(({ job: name }: { job: string }) => name)
      .sort(),
    ["a", "b", "c", "d"],
  );
});

test(
  "a wrong configuration, a wrong port and one that is taken end serve with 2 before anything runs",
  LIMIT,
  async (t) => {
    const job = await filesJob(await temporaryFolder(t), "    schedule: nonsense");
    assert.equal((await coreBackup(["serve", "--port", "0", "--config", job.config])).code, 2);
    const right = await filesJob(await temporaryFolder(t), NIGHTLY);
    const port = await coreBackup(["serve", "--port", "70000", "--config", right.config]);
    assert.deepEqual([port.code, port.stderr.includes("--port 70000: must be a number from 0 to 65535")], [2, true]);
    await using taken = await startRecordingServer(() => ({ status: 200 }));
    const ended = await coreBackup(["serve", "--port", new URL(taken.url).port, "--config", right.config]);
    assert.equal(ended.code, 2);
    assert.match(ended.stderr, /--host 127\.0\.0\.1 --port \d+ cannot be used: .*EADDRINUSE/);
    assert.deepEqual(await paths(right.backups), []);
  },
);

test("run --due: what waits for room and is run by another process meanwhile is not run again", LIMIT, async (t) => {
  const { job, ...stuck } = await stuckJob(t);
  const one = (name: string) =>
    `  - { name: ${name}, service: filesystem, schedule: "@yearly", options: { paths: ${job.source} } }\n`;
  const storage = `storage:\n  local: { type: filesystem, base_path: ${job.backups} }\nmax_jobs: 1\n`;
  await writeFile(job.config, `jobs:\n${one("first")}${one("second")}${one("third")}${storage}`);
  const due = ["run", "--due", "--json", "--config", job.config];
  const names = (ended: Ended) => (document(ended) as { jobs: Listed[] }).jobs.map((run) => run.job);
  const slow = start(due, { env: stuck.env });
  await stuck.begun();
  assert.deepEqual(names(await coreBackup([...due, "--job", "first", "--job", "second"])), ["second"]);
  await stuck.goOn();
  const ended = await slow.ended;
  assert.deepEqual([ended.code, names(ended)], [0, ["first", "third"]]);
  assert.match(ended.stderr, /second: not begun: another process has run it meanwhile/);
  assert.equal((await listed(job.config)).length, 3);
});

test("run --due runs what is due, and then nothing", LIMIT, async (t) => {
  const folder = await temporaryFolder(t);
  const job = await filesJob(folder, NIGHTLY);
  await writeFile(
    job.config,
    (await readFile(job.config, "utf8")).replace(
      "storage:\n",
      `  - { name: by hand, service: filesystem, target_storage: local, options: { paths: ${job.source} } }\nstorage:\n`,
    ),
  );
  const first = document(await coreBackup(["run", "--due", "--json", "--config", job.config])) as { runs: Listed[] };
  assert.deepEqual(
    first.runs.map((run) => run.job),
    ["docs"],
  );
  const second = await coreBackup(["run", "--due", "--config", job.config]);
  assert.equal(second.code, 0);
  assert.match(
    second.stdout,
    /^nothing is due\n {2}docs: next run at \d{4}-01-01 03:00:00 \+00:00\n {2}by hand: has no schedule\n$/,
  );
  const third = document(await coreBackup(["run", "--due", "--json", "--config", job.config]));
  assert.deepEqual(third, { status: "ok", runs: [], jobs: [] });
  assert.equal((await listed(job.config)).length, 1);
});
