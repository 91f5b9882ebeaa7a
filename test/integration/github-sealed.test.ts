import assert from "node:assert/strict";
import { test } from "node:test";
import { openEncryption } from "../../lib/encryption/all.ts";
import type { JobResult } from "../../lib/run.ts";
import { aBackup } from "../support/a-backup.ts";
import { aGitFolder, fastImport } from "../support/git-repository.ts";
import { githubBackup } from "../support/github-backup.ts";
import { addRepository } from "../support/github-organization.ts";
import { startGithub } from "../support/github-server.ts";

const RECIPIENT = "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj";

const named = (result: JobResult, end: string) =>
  result.manifest?.units[0]?.artifacts.filter(({ path }) => path.includes(end)).map(({ reusedFrom }) => reusedFrom);

test("where the last snapshot is sealed to who writes it, unchanged git is not transferred, and changed git is", async () => {
  await using folder = await aGitFolder();
  await using server = await startGithub(folder.path);
  await addRepository(server, "app", { id: 42, root: folder.path });
  const { signal } = new AbortController();
  const secrets = { resolve: () => Promise.reject(new Error("no secret is needed")) };
  const encryption = await openEncryption({ type: "age", recipients: [RECIPIENT] }, { secrets, signal });
  const a = aBackup({ encryption: () => encryption });
  const backup = githubBackup(server, { skip: ["wiki", "assets"] }, a);
  const first = await backup.run();
  assert.equal(first.status, "ok", first.manifest?.units[0]?.error?.message);
  const transfers = () =>
    server.git.seen.filter(({ method, url }) => method === "POST" && url.includes("git-upload-pack")).length;
  const before = transfers();
  const second = await backup.run();
  assert.equal(second.status, "ok");
  assert.deepEqual(named(second, "repository.bundle"), [first.snapshot]);
  // Refs are listed once, and objects of LFS, of which there are none, are not looked for.
  assert.equal(transfers() - before, 1);
  assert.equal(Object(second.manifest?.units[0]?.artifacts.at(-1)?.facts.states).lfs, "EMPTY");
  await fastImport(`${folder.path}/my-org/app.git`, [
    "commit refs/heads/new\ncommitter A <a@example.org> 1800000000 +0000\ndata 1\nx\nM 100644 inline new.txt\ndata 1\ny\n",
  ]);
  const third = await backup.run();
  assert.deepEqual(named(third, "repository.bundle"), [undefined]);
});
