import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { find } from "../../../../cli/init/find.ts";
import { startFakeEngine } from "../../../support/fake-engine.ts";
import { freePort } from "../../../support/free-port.ts";
import { startRecordingServer } from "../../../support/recording-server.ts";
import { temporaryFolder } from "../../../support/stores.ts";

const NOBODY = { DOCKER_HOST: "unix:///no/such/docker.sock", HOME: "/no/such/home" };

test("nothing is found where there is nothing", async () => {
  await using folder = await temporaryFolder();
  assert.deepEqual(await find({ folder: folder.path, env: NOBODY, mongodbPort: await freePort() }), {
    checkouts: [],
    githubOwners: [],
    githubToken: false,
    docker: false,
    mongodb: undefined,
    aws: false,
    bucket: false,
  });
});

test("checkouts: the one around the folder, those below it, bare ones, and whose they are on GitHub", async () => {
  await using folder = await temporaryFolder();
  const git = (...args: readonly string[]) => execFileSync("git", [...args], { cwd: folder.path });
  git("init", "--quiet", "outer");
  git("init", "--quiet", "outer/inner");
  git("init", "--quiet", "--bare", "outer/bare.git");
  git("-C", "outer", "remote", "add", "origin", "https://canary-token@github.com/my-org/app.git");
  git("-C", "outer/bare.git", "remote", "add", "origin", "git@github.com:octo/app.git");
  await mkdir(join(folder.path, "outer", "no-repository"));
  const inside = join(folder.path, "outer");
  const found = await find({ folder: inside, env: NOBODY, mongodbPort: await freePort() });
  assert.deepEqual(found.checkouts, [inside, join(inside, "bare.git"), join(inside, "inner")]);
  assert.deepEqual(found.githubOwners, ["my-org", "octo"]);
  assert.ok(!JSON.stringify(found).includes("canary"));
});

test("a Docker Engine that answers is found, one that is only named is not", async () => {
  await using engine = await startFakeEngine();
  await using folder = await temporaryFolder();
  const options = { folder: folder.path, mongodbPort: await freePort() };
  assert.equal((await find({ ...options, env: { ...NOBODY, DOCKER_HOST: engine.host } })).docker, true);
  assert.equal((await find({ ...options, env: { ...NOBODY, DOCKER_HOST: "nonsense" } })).docker, false);
});

test("credentials of AWS are seen by variables and by the file, without being read", async () => {
  await using folder = await temporaryFolder();
  const options = { folder: folder.path, mongodbPort: await freePort() };
  const aws = async (env: NodeJS.ProcessEnv) => (await find({ ...options, env: { ...NOBODY, ...env } })).aws;
  assert.equal(await aws({ AWS_ACCESS_KEY_ID: "" }), false);
  assert.equal(await aws({ AWS_ACCESS_KEY_ID: "AKIA" }), true);
  assert.equal(await aws({ AWS_PROFILE: "backup" }), true);
  assert.equal(await aws({ HOME: folder.path }), false);
  await mkdir(join(folder.path, ".aws"));
  await writeFile(join(folder.path, ".aws", "credentials"), "[default]\n");
  assert.equal(await aws({ HOME: folder.path }), true);
});

test("something else on MongoDB's port is no MongoDB", async () => {
  await using folder = await temporaryFolder();
  await using other = await startRecordingServer(() => ({ status: 200 }));
  const found = await find({ folder: folder.path, env: NOBODY, mongodbPort: Number(new URL(other.url).port) });
  assert.equal(found.mongodb, undefined);
});
