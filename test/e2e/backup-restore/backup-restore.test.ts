import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { assertPlain, coreBackup, document, type Ended, paths, temporaryFolder } from "../core-backup.ts";
import { filesJob } from "../files-job.ts";

test("a folder is backed up, listed, shown, verified, restored byte for byte, and pruned to what is kept", async (t) => {
  const job = await filesJob(await temporaryFolder(t), "    retention: { mode: count, keep_last: 1 }");
  const ask = (...args: string[]) => coreBackup([...args, "--config", job.config]);

  const ran = plain(await ask("run"), 0);
  assert.match(ran.stdout, /^docs {2}ok\n\nunit +status +artifacts +source -> stored +time +proved\n/);
  assert.match(ran.stdout, /\bok +1 +[\d.]+ KiB -> [\d.]+ (B|KiB) +[\d.]+ s +(read|restored|full)\n/);
  const [, snapshot = "", place = ""] = /^snapshot (\S+) lies in (\S+)$/m.exec(ran.stdout) ?? [];
  assert.ok((await paths(place)).includes("manifest.json"));
  assert.match(ran.stderr, /^docs.*: started$/m);
  assert.match(ran.stderr, /^docs.*: ok, [\d.]+ KiB -> .* in .* s$/m);

  const listed = plain(await ask("list"), 0);
  assert.match(
    listed.stdout,
    new RegExp(`^docs +${snapshot} +ok +1 +[\\d.]+ (B|KiB) +yes, 1/1 proved +just now$`, "m"),
  );
  assert.match(plain(await ask("show", "--job", "docs"), 0).stdout, /files\.tar/);
  assert.match(
    plain(await ask("verify"), 0).stdout,
    new RegExp(`^docs ${snapshot}: ok, 1 artifact read in .* s, 1 proved\n$`),
  );
  assert.match(plain(await ask("verify", "--prove"), 0).stdout, /ok, 1 artifact read in .*, 1 proved/);

  const to = join(job.folder, "restored");
  const restored = plain(await ask("restore", "--job", "docs", "--to", to), 0);
  assert.match(restored.stdout, new RegExp(`^restored \\d+ paths? of docs ${snapshot} into `));
  const found = (await paths(to)).find((path) => path.endsWith("a.txt"));
  assert.ok(found !== undefined, restored.stdout);
  assert.deepEqual(await readFile(join(to, found)), await readFile(join(job.source, "a.txt")));

  plain(await ask("run"), 0);
  const after = document(await ask("list", "--json"));
  assert.ok(Array.isArray(after));
  assert.equal(after.length, 1, "the run after it prunes by itself");
  const pruned = plain(await ask("prune"), 0);
  assert.match(pruned.stdout, /^docs {2}0 snapshots removed\nsnapshot +decision +reason\n\S+ +keep +\S/);
});

test("the two commands that a run ends with work when they are pasted into a shell", async (t) => {
  const job = await filesJob(await temporaryFolder(t));
  const ran = await coreBackup(["run", "--config", "core-backup.yml"], { cwd: job.folder });
  const [, next = ""] = ran.stdout.split("\nnext:\n");
  const commands = next.trimEnd().split("\n");
  assert.equal(commands.length, 2);
  for (const command of commands) execFileSync("sh", ["-ec", command.trim()], { cwd: job.folder, stdio: "pipe" });
  assert.ok((await paths(join(job.folder, "restored"))).some((path) => path.endsWith("b.txt")));
});

test("with --json every command prints exactly one document", async (t) => {
  const job = await filesJob(await temporaryFolder(t), "    schedule: 0 3 * * *\n    timezone: Europe/Berlin");
  const ask = async (...args: string[]) =>
    document(plain(await coreBackup([...args, "--json", "--config", job.config]), 0));

  assert.deepEqual(await ask("validate"), { ok: true, errors: [] });
  const planned = shaped(await ask("plan"), {
    jobs: [] as { job: string; nextRuns: string[]; units: { state: string }[] }[],
  });
  assert.deepEqual(
    planned.jobs.map((one) => [one.job, one.nextRuns.length, one.units.length]),
    [["docs", 5, 1]],
  );
  assert.equal(planned.jobs[0]?.units[0]?.state, "new");
  assert.deepEqual(await paths(job.backups), [], "a plan writes nothing");
  const ran = shaped(await ask("run"), { status: "", runs: [] as { snapshot: string; status: string }[] });
  assert.deepEqual([ran.status, ran.runs.map(({ status }) => status)], ["ok", ["ok"]]);
  const snapshot = ran.runs[0]?.snapshot;
  const listed = shaped(
    await ask("list"),
    [] as { job: string; snapshot: string; status: string; verified: boolean }[],
  );
  assert.deepEqual(
    listed.map((one) => [one.job, one.snapshot, one.status, one.verified]),
    [["docs", snapshot, "ok", true]],
  );
  assert.deepEqual(await ask("show", "--job", "docs"), ran.runs[0]);
  const verified = shaped(await ask("verify"), [] as { snapshot: string; ok: boolean }[]);
  assert.deepEqual(
    verified.map((one) => [one.snapshot, one.ok]),
    [[snapshot, true]],
  );
  const restored = shaped(await ask("restore", "--job", "docs", "--to", join(job.folder, "r")), {
    files: [] as { unit: string }[],
  });
  assert.ok(restored.files.length > 0);
  const pruned = shaped(
    await ask("prune", "--dry-run"),
    [] as { job: string; snapshot: string; keep: boolean; reason: string }[],
  );
  assert.deepEqual(
    pruned.map((one) => [one.job, one.snapshot, one.keep, one.reason !== ""]),
    [["docs", snapshot, true, true]],
  );
  assert.ok("$schema" in shaped(await ask("schema"), {}));
  assert.ok("$schema" in shaped(await ask("schema", "--manifest"), {}));
  assert.equal(shaped(await ask("completion", "bash"), { shell: "" }).shell, "bash");
});

test("every line of a JSON log is an object that names its job, and its run and unit where it has one", async (t) => {
  const job = await filesJob(await temporaryFolder(t));
  const { stderr } = plain(await coreBackup(["run", "--log", "json", "--verbose", "--config", job.config]), 0);
  const lines = stderr
    .trimEnd()
    .split("\n")
    .map((line) => shaped(JSON.parse(line), { time: "", level: "", message: "", job: "", run: "", unit: "" }));
  assert.ok(lines.length >= 3);
  for (const line of lines) assert.equal(line.job, "docs", JSON.stringify(line));
  const started = lines.find(({ message }) => message === "started");
  const ended = lines.find(({ message }) => message === "ended");
  assert.match(started?.run ?? "", /^[0-9A-Z]{26}$/);
  assert.deepEqual([started?.unit, started?.run], [ended?.unit, ended?.run]);
});

test("--quiet leaves stderr empty when all is well", async (t) => {
  const job = await filesJob(await temporaryFolder(t));
  const { stderr } = plain(await coreBackup(["run", "--quiet", "--config", job.config]), 0);
  assert.equal(stderr, "");
});

test("a reader that goes away early changes neither what is done nor the exit code", async (t) => {
  const job = await filesJob(await temporaryFolder(t));
  const run = (command: string) =>
    execFileSync("bash", ["-c", `set -o pipefail; ${command}`], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
    });
  const program = `"${process.execPath}" "${join(import.meta.dirname, "../../../cli/main.ts")}"`;
  // `true` closes the pipe before anything is written to it.
  assert.equal(run(`${program} run --config "${job.config}" 2>&1 | true`), "");
  assert.equal(run(`${program} schema | head -c 1`), "{");
  const listed = document(await coreBackup(["list", "--json", "--config", job.config]));
  assert.ok(Array.isArray(listed) && listed.length === 1);
});

function plain(ended: Ended, code: number): Ended {
  assert.equal(ended.code, code, JSON.stringify(ended));
  assertPlain(ended);
  return ended;
}

/** The document taken for what it should be; the assertions that follow see whether it is. */
function shaped<T>(value: unknown, _like: T): T {
  return value as T;
}
