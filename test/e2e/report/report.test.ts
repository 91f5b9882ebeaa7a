import assert from "node:assert/strict";
import { readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { formatBytes } from "../../../lib/format.ts";
import type { Overview } from "../../../lib/overview/overview.ts";
import { assertPlain, coreBackup, document, temporaryFolder } from "../core-backup.ts";
import { aStore, HOSTILE } from "./a-store.ts";

interface Decided {
  readonly job: string;
  readonly snapshot: string;
  readonly keep: boolean;
  readonly reason: string;
}

test("a report shows each job with its days, what is not well and what fails, and nothing is written", async (t) => {
  const folder = await temporaryFolder(t);
  const { config } = await aStore(folder, 3, 70);
  const before = await readdir(folder, { recursive: true });
  const ended = await coreBackup(["report", "--config", config]);
  assert.equal(ended.code, 0, ended.stderr);
  assertPlain(ended);
  assert.match(ended.stdout, /^job-0 +ok +[Pgp]/m);
  assert.match(ended.stdout, /^job-2 +NOT OK +\S{10}MMM[M.] /m);
  assert.match(ended.stdout, /problems:\n {2}job-2: JOB_LATE: no good snapshot since/);
  assert.match(
    ended.stdout,
    /units that fail most:\n(?:.*\n)*? {2}job-0: unit-0 failed \d+ times, last with SOURCE_UNAVAILABLE/,
  );
  const { jobs, bytes, storedDays } = document(await coreBackup(["report", "--json", "--config", config])) as Overview;
  for (const { job, bytes: stored, storedDays: days } of jobs) {
    const change = stored - (days.at(-14)?.bytes ?? 0);
    const said = ` ${formatBytes(stored)} +${change < 0 ? "-" : "\\+"}${formatBytes(Math.abs(change))}\n`;
    assert.ok(job === HOSTILE || new RegExp(`^${job} .*${said}`, "m").test(ended.stdout), said);
  }
  const [first] = storedDays;
  assert.ok(first !== undefined && bytes > first.bytes);
  const sum = `${formatBytes(bytes)} stored, ${formatBytes(bytes - first.bytes)} more than on ${first.day}\n`;
  assert.ok(ended.stdout.endsWith(sum), sum);
  assert.deepEqual(await readdir(folder, { recursive: true }), before);
});

test("--json has every run of the last 60 days, what is missed, and what prune removes next with its reason", async (t) => {
  const { config } = await aStore(await temporaryFolder(t), 3, 70);
  const found = document(await coreBackup(["report", "--json", "--config", config])) as Overview;
  const [well, , late] = found.jobs;
  assert.ok(well !== undefined && late !== undefined);
  assert.equal(well.days.length, 60);
  assert.deepEqual(
    late.days.slice(-4, -1).map(({ state }) => state),
    ["missed", "missed", "missed"],
  );
  assert.deepEqual([late.ok, late.problems.map(({ code }) => code)], [false, ["JOB_LATE"]]);
  const removal = well.prune?.removals[0];
  assert.match(removal?.reason ?? "", /^removed: in no daily slot|^removed: failed|^removed: partial/);
});

test("what prune removes next is what prune --dry-run then says, by every kind of policy", async (t) => {
  const folder = await temporaryFolder(t);
  const policies = [
    "{ keep_daily: 60, max_removals: 20 }",
    "{ keep_last: 55, max_removals: 20 }",
    "{ keep_days: 58, max_removals: 20 }",
    "{ keep_weekly: 8, keep_monthly: 2, max_removals: 100 }",
    "{ keep_last: 2 }",
  ];
  const { config, jobs } = await aStore(folder, policies.length, 70);
  const given = policies.values();
  const text = (await readFile(config, "utf8")).replaceAll(/(?<=retention: )\{.*\}/g, () => given.next().value ?? "");
  await writeFile(config, text);
  const { jobs: shown } = document(await coreBackup(["report", "--json", "--config", config])) as Overview;
  const decided = document(await coreBackup(["prune", "--dry-run", "--json", "--config", config])) as Decided[];
  assert.deepEqual(
    shown.map(({ prune }) => [prune?.after, prune?.refused !== undefined]),
    policies.map((_, job) => [null, job === policies.length - 1]),
  );
  for (const [n, { prune }] of shown.entries()) {
    const planned = decided.filter(({ job, keep }) => job === jobs[n] && !keep);
    assert.equal(planned.length > 0, prune?.refused === undefined, policies[n]);
    assert.deepEqual(
      prune?.removals,
      planned.map(({ snapshot, reason }) => ({ snapshot, reason })),
      policies[n],
    );
  }
});

test("the page is replaced whole, is open to its readers, and no name is more than text in it", async (t) => {
  const folder = await temporaryFolder(t);
  const { config } = await aStore(folder, 3, 20);
  const file = join(folder, "index.html");
  const ended = await coreBackup(["report", "--html", file, "--config", config]);
  assert.equal(ended.code, 0, ended.stderr);
  assert.match(ended.stdout, /the page lies in .*index\.html\n$/);
  assert.equal((await stat(file)).mode & 0o777, 0o644);
  const text = await readFile(file, "utf8");
  assert.equal(text.includes("<img"), false);
  assert.equal(text.includes("\u001b"), false);
  assert.ok(text.includes("&lt;img src=x onerror=alert(1)&gt; &amp; &quot;co&quot;"));
  assert.equal(/<script|https?:|<link|url\(/.test(text), false);
  assert.deepEqual((await readdir(folder)).sort(), ["core-backup.yml", "index.html", "store"]);
  assert.ok(HOSTILE.length > 0);
});

test("a page that cannot be written, an unknown job and an unreadable storage are told by their names", async (t) => {
  const folder = await temporaryFolder(t);
  const { config } = await aStore(folder, 1, 3);
  const nowhere = await coreBackup(["report", "--html", join(folder, "no/such/index.html"), "--config", config]);
  assert.equal(nowhere.code, 2);
  assert.match(nowhere.stderr, /--html .*index\.html cannot be written: ENOENT/);
  assert.equal((await coreBackup(["report", "--job", "nothing", "--config", config])).code, 2);
  const elsewhere = await coreBackup(["report", "--config", config.replace("core-backup.yml", "none.yml")]);
  assert.equal(elsewhere.code, 2);
});
