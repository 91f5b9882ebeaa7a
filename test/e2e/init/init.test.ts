import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { assertPlain, coreBackup, document, paths, temporaryFolder } from "../core-backup.ts";

const EXAMPLES = new URL("../../../config/examples/", import.meta.url);
const CANARY = "ghp_canary4711canary4711canary4711canary";

test("init, validate and run, without a question and without editing", async (t) => {
  const folder = await temporaryFolder(t);
  execFileSync("git", ["init", "--quiet"], { cwd: folder });
  const identity = ["-c", "user.name=a", "-c", "user.email=a@localhost"];
  execFileSync("git", [...identity, "commit", "--quiet", "--allow-empty", "-m", "first"], { cwd: folder });
  const options = {
    cwd: folder,
    env: {
      DOCKER_HOST: "unix:///no/such/docker.sock",
      HOME: folder,
      GITHUB_TOKEN: CANARY,
      AWS_ACCESS_KEY_ID: "AKIACANARY",
    },
  };
  const written = await coreBackup(["init"], options);
  assert.equal(written.code, 0, JSON.stringify(written));
  assertPlain(written);
  assert.match(
    written.stdout,
    /^core-backup.yml is written\nfound: 1 git checkout, GITHUB_TOKEN, .*AWS credentials\n\nnext:\n {2}\S.* plan --config core-backup.yml\n$/,
  );
  const text = await readFile(join(folder, "core-backup.yml"), "utf8");
  assert.ok(!text.includes("canary") && !text.includes("CANARY"));
  assert.equal((await coreBackup(["validate"], options)).code, 0);
  assert.equal((await coreBackup(["run", "--job", "repositories"], options)).code, 0);
  assert.ok((await paths(join(folder, "backups"))).some((path) => path.endsWith(".bundle")));
});

test("a file that is there is never replaced", async (t) => {
  const folder = await temporaryFolder(t);
  await writeFile(join(folder, "core-backup.yml"), "mine\n");
  for (const args of [["init"], ["init", "--example", "files"]]) {
    const refused = await coreBackup(args, { cwd: folder });
    assert.equal(refused.code, 2);
    assert.match(refused.stderr, /^core-backup: core-backup.yml is there already and is left as it is/);
  }
  assert.equal(await readFile(join(folder, "core-backup.yml"), "utf8"), "mine\n");
  assert.equal((await coreBackup(["init", "--config", join(folder, "no", "such", "folder.yml")])).code, 2);
});

test("every example is listed with what it is, and can be had", async (t) => {
  const folder = await temporaryFolder(t);
  const names = (await readdir(EXAMPLES)).map((name) => name.replace(/\.yml$/, "")).sort();
  const listed = document(await coreBackup(["init", "--list", "--json"])) as { name: string; about: string }[];
  assert.deepEqual(
    listed.map(({ name }) => name),
    names,
  );
  assert.ok(
    listed.every(({ about }) => about.length > 20),
    JSON.stringify(listed),
  );
  assert.match((await coreBackup(["init", "--list"])).stdout, /^mongodb +MongoDB databases\. /m);
  const written = await coreBackup(["init", "--example", "mongodb", "--config", "m.yml", "--json"], { cwd: folder });
  assert.deepEqual(document(written), { file: join(folder, "m.yml"), valid: false });
  const example = await readFile(new URL("mongodb.yml", EXAMPLES), "utf8");
  assert.equal(await readFile(join(folder, "m.yml"), "utf8"), example.replace("$schema=../", "$schema="));
  const unknown = await coreBackup(["init", "--example", "mongdb"], { cwd: folder });
  assert.deepEqual(
    [unknown.code, unknown.stderr.includes("there is no example mongdb (did you mean mongodb?)")],
    [2, true],
  );
});
