import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { configured, coreBackup, paths, start, temporaryFolder } from "../core-backup.ts";

const KILLS = 20;
const MOST_RUNS = 100;
const OURS = new Set(["SHA256SUMS", "manifest.json", "verified.json"]);

test(`a run that is killed at ${KILLS} moments leaves nothing wrong behind, and the next one succeeds by itself`, async (t) => {
  const { config, backups } = await aJob(await temporaryFolder(t));
  let begun = Date.now();
  assert.equal((await coreBackup(["run", "--config", config])).code, 0);
  let wholeMs = Date.now() - begun;

  for (let kills = 0, runs = 0; kills < KILLS; runs += 1) {
    assert.ok(runs < MOST_RUNS, `only ${kills} of ${runs} runs were still going on when they were killed`);
    begun = Date.now();
    const run = start(["run", "--config", config]);
    // Not from the start: the first part of a run is the program's own loading.
    await Promise.race([delay(wholeMs * (0.2 + (0.8 * (kills + Math.random())) / KILLS)), run.ended]);
    run.process.kill("SIGKILL");
    const { code } = await run.ended;
    // How long a run takes changes with what else the machine does, and one that is taken up again is shorter.
    if (code !== null) wholeMs = Math.min(wholeMs * 0.9, Date.now() - begun);
    if (code === null) kills += 1;
    else assert.equal(code, 0, JSON.stringify(await run.ended));
    await assertNothingWrong(backups);
  }

  const next = await coreBackup(["run", "--config", config]);
  assert.equal(next.code, 0, JSON.stringify(next));
  const all = await coreBackup(["verify", "--snapshot", "all", "--config", config]);
  assert.equal(all.code, 0, JSON.stringify(all));
  await assertNothingWrong(backups);
  assert.deepEqual(
    (await paths(backups)).filter((path) => path.includes(".core-backup-tmp-")),
    [],
  );
});

/** Kills between commit and prune leave snapshots, which the last run must be allowed to remove. A few megabytes that do not compress, in two paths, and a repository: a run of about a second in many steps. */
async function aJob(folder: string): Promise<{ config: string; backups: string }> {
  for (const part of ["one", "two"]) {
    await mkdir(join(folder, part));
    for (let file = 0; file < 40; file += 1) await writeFile(join(folder, part, `${file}`), randomBytes(500_000));
  }
  execFileSync("git", ["init", "--quiet", join(folder, "repository")]);
  const identity = ["-c", "user.name=a", "-c", "user.email=a@localhost"];
  execFileSync("git", [...identity, "commit", "--quiet", "--allow-empty", "-m", "first"], {
    cwd: join(folder, "repository"),
  });
  const yaml = `jobs:
  - { name: files, service: filesystem, options: { paths: [${folder}/one, ${folder}/two] }, retention: { keep_last: 3, max_removals: ${MOST_RUNS} } }
  - { name: git, service: git, options: { repositories: [${folder}/repository] } }
storage:
  local: { type: filesystem, base_path: ${folder}/backups }
max_jobs: 1
`;
  return { config: await configured(folder, yaml), backups: join(folder, "backups") };
}

/** Promises 1 and 2 of ARCHITECTURE.md, seen from outside. */
async function assertNothingWrong(backups: string): Promise<void> {
  const files: string[] = [];
  for (const path of await paths(backups)) if ((await stat(join(backups, path))).isFile()) files.push(path);
  for (const path of files) {
    const parts = path.split("/");
    if (parts.length === 2 && [".lease", ".removals.json"].includes(parts[1] ?? "")) continue;
    const [folder, inside] = [parts.slice(0, 3).join("/"), parts.slice(3).join("/")];
    if (inside.startsWith(".run/") || OURS.has(inside) || (parts.at(-1) ?? "").startsWith(".core-backup-tmp-"))
      continue;
    assert.ok((await described(backups, folder)).has(inside), `${path} lies there and nothing speaks of it`);
  }
  for (const manifest of files.filter((path) => path.endsWith("/manifest.json"))) {
    const folder = join(backups, dirname(manifest));
    const sums = (await readFile(join(folder, "SHA256SUMS"), "utf8")).trim().split("\n");
    for (const line of sums) {
      const content = await readFile(join(folder, line.slice(66)));
      assert.equal(createHash("sha256").update(content).digest("hex"), line.slice(0, 64), `${folder}: ${line}`);
    }
    const { totals } = JSON.parse(await readFile(join(backups, manifest), "utf8"));
    assert.equal(sums.length, totals.artifacts + 1);
  }
}

/** What the manifest or, before there is one, the units' records name. */
async function described(backups: string, folder: string): Promise<ReadonlySet<string>> {
  const read = async (path: string) => JSON.parse(await readFile(join(backups, folder, path), "utf8"));
  const names = new Set<string>();
  const manifest = await read("manifest.json").catch(() => ({ units: [] }));
  const records = await readdir(join(backups, folder, ".run/units")).catch(() => []);
  const units = [...manifest.units];
  for (const name of records.filter((one) => one.endsWith(".json"))) units.push(await read(`.run/units/${name}`));
  for (const { artifacts, pending = [] } of units) {
    for (const { path } of artifacts) names.add(path);
    for (const path of pending) names.add(path);
  }
  return names;
}
