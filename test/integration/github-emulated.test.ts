import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { readArtifact } from "../../lib/artifact.ts";
import { readAll } from "../../lib/bytes.ts";
import { github } from "../../lib/connectors/github/github.ts";
import { snapshotPrefix } from "../../lib/keys.ts";
import type { JobResult } from "../../lib/run.ts";
import { runJobs } from "../../lib/run.ts";
import { never } from "../contract/connector.ts";
import { aBackup } from "../support/a-backup.ts";
import { aGitFolder, aRepository, showRef } from "../support/git-repository.ts";
import { startGitServer } from "../support/git-server.ts";
import { noGithubPeers, startEmulatedGithub } from "../support/github-peers.ts";

const SKIP = { skip: noGithubPeers };
const APP = { app_id: 12345, slug: "backup", name: "Backup" };
const PERMISSIONS = {
  metadata: "read",
  contents: "read",
  issues: "read",
  pull_requests: "read",
  administration: "read",
};

/** An organization in Vercel's emulator of GitHub, which keeps its own state and pages, with git's own server beside it. */
async function aWorld() {
  const folder = await aGitFolder();
  await mkdir(join(folder.path, "my-org"));
  const git = await startGitServer(folder.path);
  const emulated = await startEmulatedGithub({
    users: [{ login: "octocat", name: "Octocat", email: "o@example.com" }],
    orgs: [{ login: "my-org", name: "My Org", members: [{ login: "octocat", role: "admin" }] }],
    repos: ["app", "lib"].map((name) => ({ owner: "my-org", name, private: true, auto_init: true })),
    apps: [
      {
        ...APP,
        permissions: PERMISSIONS,
        installations: [
          { installation_id: 100, account: "my-org", repository_selection: "all", permissions: PERMISSIONS },
        ],
      },
    ],
  });
  for (const name of ["app", "lib"])
    await aRepository(join(folder.path, "my-org"), { name: `${name}.git`, commits: 3 });
  return {
    emulated,
    git,
    root: folder.path,
    async [Symbol.asyncDispose]() {
      await emulated[Symbol.asyncDispose]();
      await git[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

type World = Awaited<ReturnType<typeof aWorld>>;

function aJob({ emulated, git }: World, credentials: object, values: Readonly<Record<string, string>>) {
  const a = aBackup();
  const options = github.options.parse({
    organization: "my-org",
    // It lists no organization's repositories, and no comments of a whole repository.
    repositories: ["app", "lib"],
    api_url: emulated.url,
    web_url: git.url,
    skip: ["all"],
    include: ["git", "issues", "labels", "milestones", "pulls", "releases", "organization", "org_members"],
    ...credentials,
  });
  const make = () =>
    github.create(options, {
      secrets: { resolve: async (reference) => (reference.from === "env" ? (values[reference.name] ?? "") : "") },
      redaction: a.backup.redaction,
      now: () => new Date(),
      avoid: [],
    });
  return {
    make,
    async run(): Promise<JobResult> {
      const connector = await make();
      const [result] = (await runJobs({ ...a.backup, connector: async () => connector, kind: () => github }, ["docs"]))
        .jobs;
      assert.ok(result);
      a.later(86_400);
      return result;
    },
    async stored(result: JobResult, unit: string, kind: string): Promise<readonly Record<string, unknown>[]> {
      const artifact = result.manifest?.units
        .find(({ id }) => id === unit)
        ?.artifacts.find(({ path }) => path.includes(`/${kind}.json`));
      if (artifact === undefined) return [];
      const bytes = readArtifact(a.storage, snapshotPrefix("docs", result.snapshot ?? ""), artifact, undefined);
      const text = Buffer.from(await readAll(bytes, 1e8)).toString("utf8");
      return text
        .split("\n")
        .filter(Boolean)
        .map((line) => JSON.parse(line));
    },
  };
}

describe("an emulator of GitHub that nobody here wrote", () => {
  test(
    "is backed up by an App: its token is made and used, pages are followed, and a second run sees what changed",
    SKIP,
    async () => {
      await using world = await aWorld();
      const { emulated } = world;
      for (let n = 1; n <= 120; n += 1) await emulated.post("/repos/my-org/app/issues", { title: `issue ${n}` });
      await emulated.post("/repos/my-org/app/labels", { name: "odd", color: "ff0000" });
      const job = aJob(world, { app: { id: APP.app_id, private_key_env: "KEY" } }, { KEY: emulated.privateKey });
      const first = await job.run();
      assert.equal(first.status, "ok", JSON.stringify(first.manifest?.units.map(({ id, error }) => [id, error])));
      assert.deepEqual(
        first.manifest?.units.map(({ id }) => id),
        ["my-org", "my-org/app", "my-org/lib"],
      );
      assert.equal((await job.stored(first, "my-org/app", "issues")).length, 120);
      assert.deepEqual(
        (await job.stored(first, "my-org", "org_members")).map(({ login }) => login),
        ["octocat"],
      );
      assert.ok((await job.stored(first, "my-org/app", "labels")).some(({ name }) => name === "odd"));
      await emulated.post("/repos/my-org/app/issues", { title: "issue 121" });
      const second = await job.run();
      assert.equal(second.status, "ok");
      const issues = await job.stored(second, "my-org/app", "issues");
      assert.deepEqual([issues.length, issues.some(({ title }) => title === "issue 121")], [121, true]);
      assert.match(showRef(join(world.root, "my-org/app.git")), /refs\/heads/);
    },
  );

  test("refuses an App that signs with another key", SKIP, async () => {
    await using world = await aWorld();
    const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
    const key = privateKey.export({ type: "pkcs1", format: "pem" }).toString();
    const connector = await aJob(
      world,
      { app: { id: APP.app_id, private_key_env: "KEY", installation_id: 100 } },
      { KEY: key },
    ).make();
    await assert.rejects(Array.fromAsync(connector.units(never())), /GitHub refuses the App 12345/);
  });
});
