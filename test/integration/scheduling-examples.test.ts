import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { describe, test } from "node:test";
import { parse } from "yaml";
import { parseCommandLine } from "../../cli/program.ts";
import { scheduleFault } from "../../lib/scheduling/schedule.ts";
import { temporaryFolder } from "../support/stores.ts";

/** config/scheduling/ as those read it who are to run it, and every command in it as we do. */
const FOLDER = resolve(import.meta.dirname, "../../config/scheduling");
const VALIDATE = resolve(import.meta.dirname, "../peers/.bin/kubernetes-validate/bin/kubernetes-validate");

const read = (name: string) => readFile(join(FOLDER, name), "utf8");
const skipWithout = (program: string) =>
  process.env.CI !== "true" && spawnSync("sh", ["-c", `command -v ${program}`]).status !== 0 ? `no ${program}` : false;

/** Takes a command line apart as the program does; a wrong one throws. */
async function assertUnderstood(words: readonly string[]): Promise<void> {
  const options = { version: "0", program: "core-backup", write: () => {}, heading: (text: string) => text };
  assert.ok((await parseCommandLine(words, options)) !== undefined, words.join(" "));
}

test("the folder holds what is looked at here, and nothing else", async () => {
  assert.deepEqual((await readdir(FOLDER)).sort(), [
    "compose.yml",
    "core-backup-serve.service",
    "core-backup.service",
    "core-backup.timer",
    "crontab",
    "kubernetes-cronjob.yml",
    "kubernetes-serve.yml",
  ]);
});

describe("systemd", { skip: skipWithout("systemd-analyze") }, () => {
  const UNITS = ["core-backup.service", "core-backup.timer", "core-backup-serve.service"];
  /** Messages of systemd-analyze verify, with the program in a place where it is. */
  async function verified(change: (text: string) => string): Promise<string> {
    await using folder = await temporaryFolder();
    for (const unit of UNITS) {
      const text = (await read(unit)).replace("/usr/local/bin/core-backup", process.execPath);
      await writeFile(join(folder.path, unit), change(text));
    }
    const { stdout, stderr } = spawnSync("systemd-analyze", ["verify", ...UNITS], {
      cwd: folder.path,
      encoding: "utf8",
    });
    return stdout + stderr;
  }

  test("systemd-analyze verify has nothing to say of the units, and would say it", async () => {
    assert.equal(await verified((text) => text), "");
    assert.match(await verified((text) => text.replace("KillMode=", "KilMode=")), /Unknown key 'KilMode'/);
    assert.match(await verified((text) => text.replace("*:0/10", "*:0/x")), /Failed to parse calendar specification/);
  });

  test("what they start is a command of ours", async () => {
    for (const unit of UNITS.filter((name) => name.endsWith(".service"))) {
      const [, words = ""] = /^ExecStart=\/usr\/local\/bin\/core-backup (.*)$/m.exec(await read(unit)) ?? [];
      await assertUnderstood(words.split(" "));
    }
  });
});

describe("cron", () => {
  test("crontab takes the file, and refuses a wrong one", { skip: skipWithout("crontab") }, async () => {
    assert.match(execFileSync("crontab", ["-n", join(FOLDER, "crontab")], { encoding: "utf8", stdio: "pipe" }), /^/);
    await using folder = await temporaryFolder();
    const wrong = join(folder.path, "crontab");
    await writeFile(wrong, (await read("crontab")).replace("*/10 *", "61 *"));
    assert.notEqual(spawnSync("crontab", ["-n", wrong]).status, 0);
  });

  test("its lines are schedules and commands of ours", async () => {
    const lines = (await read("crontab")).split("\n").filter((line) => /^[\d*]/.test(line));
    assert.equal(lines.length, 2);
    for (const line of lines) {
      const [, schedule = "", words = ""] = /^((?:\S+ ){5})core-backup (.*) >\/dev\/null$/.exec(line) ?? [];
      assert.equal(scheduleFault(schedule.trim()), undefined, line);
      await assertUnderstood(words.split(" "));
    }
  });
});

test("what runs on one machine for good has a place where it can remember what it told", async () => {
  for (const unit of ["core-backup.service", "core-backup-serve.service"])
    assert.match(await read(unit), /^StateDirectory=core-backup$/m);
  const image = await readFile(resolve(import.meta.dirname, "../../container/Dockerfile"), "utf8");
  const [, state = ""] = /STATE_DIRECTORY=(\S+)/.exec(image) ?? [];
  assert.match(image, new RegExp(`install --directory --owner=core-backup .* ${state}$`, "m"));
  const compose = parse(await read("compose.yml"));
  assert.ok(compose.services["core-backup"].volumes.includes(`state:${state}`));
  assert.ok("state" in compose.volumes);
  const pod = parse(await read("kubernetes-serve.yml")).spec.template.spec;
  const mounted = pod.containers[0].volumeMounts.find(({ mountPath }: { mountPath: string }) => mountPath === state);
  assert.ok(pod.volumes.some(({ name }: { name: string }) => name === mounted?.name));
});

test("docker-compose takes the project, and what it starts is a command of ours", {
  skip: skipWithout("docker-compose"),
}, async () => {
  const config = (file: string) => spawnSync("docker-compose", ["--file", file, "config"], { encoding: "utf8" });
  const taken = config(join(FOLDER, "compose.yml"));
  assert.equal(taken.status, 0, taken.stderr);
  await assertUnderstood(parse(taken.stdout).services["core-backup"].command);
  await using folder = await temporaryFolder();
  const wrong = join(folder.path, "compose.yml");
  await writeFile(wrong, (await read("compose.yml")).replace("stop_grace_period", "stop_grace_perod"));
  assert.notEqual(config(wrong).status, 0);
});

describe("Kubernetes", () => {
  const NAMES = ["kubernetes-cronjob.yml", "kubernetes-serve.yml"];
  const skip =
    process.env.CI !== "true" && !existsSync(VALIDATE) ? "test/peers/kubernetes-validate is not built" : false;

  test("its schemas take the manifests, in three versions, and would refuse them", { skip }, async () => {
    for (const version of ["1.30", "1.34", "1.37"]) {
      const args = ["--strict", "--kubernetes-version", version];
      execFileSync(VALIDATE, [...args, ...NAMES.map((name) => join(FOLDER, name))], { stdio: "pipe" });
      await using folder = await temporaryFolder();
      const wrong = join(folder.path, "wrong.yml");
      for (const [right, other] of [
        ["backoffLimit: 0", "backoffLimit: none"],
        ["concurrencyPolicy", "concurrencyPolitics"],
      ] as const) {
        await writeFile(wrong, (await read("kubernetes-cronjob.yml")).replace(right, other));
        assert.notEqual(spawnSync(VALIDATE, [...args, wrong]).status, 0, other);
      }
    }
  });

  test("what they start are commands of ours, and the schedule is one", async () => {
    const [job, deployment] = await Promise.all(NAMES.map(async (name) => parse(await read(name))));
    assert.equal(scheduleFault(job.spec.schedule), undefined);
    await assertUnderstood(job.spec.jobTemplate.spec.template.spec.containers[0].args);
    await assertUnderstood(deployment.spec.template.spec.containers[0].args);
  });
});
