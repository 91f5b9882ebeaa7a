import assert from "node:assert/strict";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { aGitFolder, aRepository } from "../../support/git-repository.ts";
import { startGitServer } from "../../support/git-server.ts";
import { addRepository } from "../../support/github-organization.ts";
import { startGithub } from "../../support/github-server.ts";
import { startRecordingServer } from "../../support/recording-server.ts";
import { configured, coreBackup, document, temporaryFolder } from "../core-backup.ts";

const hostOf = (url: string): string => new URL(url).host;

interface RunDocument {
  readonly runs: readonly {
    readonly units: readonly {
      readonly status: string;
      readonly error?: { readonly code: string; readonly message: string };
    }[];
    readonly warnings: readonly { readonly code: string; readonly message: string }[];
  }[];
  readonly notifications: readonly { readonly notifier: string; readonly ok: boolean; readonly error?: object }[];
}

describe("egress.allow", () => {
  test("keeps a notifier of another host from being asked, and the backup is good", async (t) => {
    const folder = await temporaryFolder(t);
    await using sources = await aGitFolder();
    await aRepository(sources.path, { name: "app.git" });
    await using git = await startGitServer(sources.path);
    await using other = await startRecordingServer(() => ({ status: 200 }));
    const file = await configured(
      folder,
      `# what may be reached
egress: { allow: ["${hostOf(git.url)}"] }
jobs: [{ name: app, service: git, options: { repositories: ["${git.url}/app.git"] } }]
storage: { here: { type: filesystem, base_path: ${folder}/here } }
notifications: { hook: { type: webhook, on: [success], url_env: HOOK } }
`,
    );
    const ended = await coreBackup(["run", "--config", file, "--json"], { env: { HOOK: `${other.url}/canary` } });
    assert.equal(ended.code, 0, ended.stderr);
    assert.deepEqual([...other.calls, ...other.heads], []);
    const { runs, notifications } = document(ended) as RunDocument;
    const message = `${hostOf(other.url)} is not in egress.allow at ${file}:2`;
    const error = { code: "EGRESS_REFUSED", message, retryable: false };
    assert.partialDeepStrictEqual(notifications, [{ notifier: "hook", ok: false, error }]);
    const warning = runs[0]?.warnings.find(({ code }) => code === "EGRESS_REFUSED");
    assert.ok(
      warning?.message.includes("hook") && warning.message.includes(message),
      JSON.stringify(runs[0]?.warnings),
    );
  });

  test("is asked again where a file's redirect leads; that host hears nothing", async (t) => {
    const folder = await temporaryFolder(t);
    await using github = await startGithub("/nonexistent");
    await using other = await startRecordingServer(() => ({ status: 200, body: "x" }));
    const path = await addRepository(github, "app", { id: 42 });
    const asset = {
      id: 9,
      name: "app.zip",
      size: 1,
      state: "uploaded",
      updated_at: "2026-01-01T00:00:00Z",
    };
    github.lists.set(`${path}/releases`, [{ id: 1, tag_name: "v1", assets: [asset] }]);
    github.fault = (asked) =>
      asked.endsWith("/assets/9") ? { status: 302, headers: { location: `${other.url}/app.zip` } } : undefined;
    const file = await configured(
      folder,
      `egress: { allow: ["${hostOf(github.apiUrl)}"] }
jobs:
  - name: app
    service: github
    options:
      { api_url: "${github.apiUrl}", web_url: "${github.webUrl}", token_env: TOKEN, repositories: [my-org/app], skip: [all], include: [assets] }
storage: { here: { type: filesystem, base_path: ${folder}/here } }
`,
    );
    const ended = await coreBackup(["run", "--config", file, "--json"], { env: { TOKEN: github.token } });
    assert.equal(ended.code, 1, ended.stderr);
    assert.deepEqual([...other.calls, ...other.heads], []);
    const { runs } = document(ended) as RunDocument;
    assert.ok(JSON.stringify(runs[0]?.units).includes(`${hostOf(other.url)} is not in egress.allow`), ended.stderr);
  });

  test("keeps a storage that only a variable names from being asked: exit code 2, for no job can begin", async (t) => {
    const folder = await temporaryFolder(t);
    await mkdir(join(folder, "source"));
    const file = await configured(
      folder,
      `egress: { allow: ["*.example.com"] }
jobs: [{ name: docs, service: filesystem, options: { paths: ["${folder}/source"] } }]
storage:
  cloud: { type: s3, bucket_env: BUCKET, region: eu-central-1, access_key_id_env: KEY_ID, secret_access_key_env: KEY }
`,
    );
    const env = { BUCKET: "backups", KEY_ID: "id", KEY: "canary-key" };
    const ended = await coreBackup(["run", "--config", file], { env });
    assert.equal(ended.code, 2, ended.stderr);
    assert.match(
      ended.stderr,
      /storage cloud, bucket backups: .*: backups\.s3\.eu-central-1\.amazonaws\.com:443 is not in egress\.allow at .*core-backup\.yml:1 code=EGRESS_REFUSED/,
    );
  });

  test("is asked before ssh is started, and before MongoDB is", async (t) => {
    const folder = await temporaryFolder(t);
    const bin = join(folder, "bin");
    await mkdir(bin);
    await writeFile(join(bin, "ssh"), '#!/bin/sh\necho "$@" >> "$0.log"\nexit 255\n', { mode: 0o755 });
    const allowing = (host: string) =>
      configured(
        folder,
        `egress: { allow: [${host}] }
jobs:
  - { name: volumes, service: docker_volume, options: { volumes: all } }
  - { name: shop, service: mongodb, options: { uri_env: MONGO } }
storage: { here: { type: filesystem, base_path: ${folder}/here } }
`,
      );
    const env = {
      PATH: `${bin}:${process.env.PATH}`,
      DOCKER_HOST: "ssh://backup@engine.example",
      MONGO: "mongodb://a:b@one.example,two.example:27018/",
    };
    const ended = await coreBackup(["run", "--config", await allowing("localhost")], { env });
    assert.equal(ended.code, 2, ended.stderr);
    assert.match(ended.stderr, /volumes: .*engine\.example:22 is not in egress\.allow at .*:1 code=EGRESS_REFUSED/);
    assert.match(ended.stderr, /shop: .*one\.example:27017 is not in egress\.allow at .*:1 code=EGRESS_REFUSED/);
    assert.deepEqual(await readdir(bin), ["ssh"], "ssh was started");
    // The same, listed, does start it: what was looked at above is where one would see it.
    const listed = await allowing("engine.example");
    await coreBackup(["run", "--job", "volumes", "--config", listed], { env });
    assert.match(await readFile(join(bin, "ssh.log"), "utf8"), /engine\.example/);
  });
});
