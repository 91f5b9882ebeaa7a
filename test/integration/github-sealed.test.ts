import assert from "node:assert/strict";
import { test } from "node:test";
import { openEncryption } from "../../lib/encryption/all.ts";
import { snapshotPrefix } from "../../lib/keys.ts";
import type { JobResult } from "../../lib/run.ts";
import { aBackup } from "../support/a-backup.ts";
import { aGitFolder, fastImport } from "../support/git-repository.ts";
import { githubBackup } from "../support/github-backup.ts";
import { addRepository } from "../support/github-organization.ts";
import { startGithub } from "../support/github-server.ts";
import { aLfsWorld, lfsObjects, oidOf } from "../support/lfs-world.ts";

const RECIPIENT = "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj";
const OTHER = "age1lvyvwawkr0mcnnnncaghunadrqkmuf9e6507x9y920xxpp866cnql7dp2z";

async function sealing(recipient = RECIPIENT) {
  const { signal } = new AbortController();
  const secrets = { resolve: () => Promise.reject(new Error("no secret is needed")) };
  return openEncryption({ type: "age", recipients: [recipient] }, { secrets, signal });
}

const named = (result: JobResult, end: string) =>
  result.manifest?.units[0]?.artifacts.filter(({ path }) => path.includes(end)).map(({ reusedFrom }) => reusedFrom);

test("where the last snapshot is sealed to who writes it, unchanged git is not transferred, and changed git is", async () => {
  await using folder = await aGitFolder();
  await using server = await startGithub(folder.path);
  await addRepository(server, "app", { id: 42, root: folder.path });
  const encryption = await sealing();
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

test("LFS objects are linked there, too; what of them is lost in the storage is stored again, and lfs.jsonl names all", async () => {
  const encryption = await sealing();
  await using world = await aLfsWorld(
    (url) => ({
      status: 200,
      body: {
        objects: lfsObjects.map((content, n) => ({
          oid: oidOf(content),
          actions: { download: { href: `${url}/object/${n}` } },
        })),
      },
    }),
    aBackup({ encryption: () => encryption }),
  );
  const { backup, asked } = world;
  const made = async () => {
    const result = await backup.run();
    assert.equal(result.status, "ok", result.manifest?.units[0]?.error?.message);
    const artifacts = result.manifest?.units[0]?.artifacts.filter(({ path }) => path.includes("/lfs")) ?? [];
    assert.deepEqual(new Set(artifacts.map(({ facts }) => facts.lines ?? facts.bytes)), new Set([2, 80, 120]));
    const again = artifacts.filter(({ reusedFrom }) => reusedFrom === undefined).map(({ path }) => path);
    return {
      again: again.map((path) => path.split("/").at(-1)),
      keyOf: (end: string) =>
        snapshotPrefix("docs", result.snapshot ?? "") + artifacts.find(({ path }) => path.includes(end))?.path,
    };
  };
  const first = await made();
  assert.equal(first.again.length, 3);
  const second = await made();
  assert.deepEqual([second.again, asked], [[], [2]]);

  const [good] = lfsObjects;
  await backup.a.storage.put(second.keyOf(oidOf(good)), bytesOf("cut"));
  const third = await made();
  assert.deepEqual(third.again, [`lfs-${oidOf(good)}.bin.age`]);
  assert.deepEqual(asked, [2, 1]);

  await backup.a.storage.remove([third.keyOf("lfs.jsonl")]);
  const fourth = await made();
  assert.deepEqual([fourth.again, asked], [["lfs.jsonl.zst.age"], [2, 1]]);
});

test("an LFS object that the server lost is no missing one where its last copy is encrypted to others", async () => {
  const [, second] = lfsObjects;
  let isThere = true;
  const before = await sealing();
  const since = await sealing(OTHER);
  let encryption = before;
  await using world = await aLfsWorld(
    (url) => ({
      status: 200,
      body: {
        objects: lfsObjects.map((content, n) =>
          isThere || content !== second
            ? { oid: oidOf(content), actions: { download: { href: `${url}/object/${n}` } } }
            : { oid: oidOf(content), error: { code: 404, message: "no such object" } },
        ),
      },
    }),
    aBackup({ encryption: () => encryption }),
  );
  const { snapshot } = await world.backup.run();
  isThere = false;
  encryption = since;
  for (const _ of [2, 3]) {
    const { error } = (await world.backup.run()).manifest?.units[0] ?? {};
    assert.equal(error?.code, "SOURCE_NOT_FOUND");
    assert.ok(error?.message.includes(`its copy in snapshot ${snapshot} cannot be used`), error?.message);
  }
});

test("files of texts are linked there, too, and not asked for again", async () => {
  await using server = await startGithub("/nonexistent");
  const path = await addRepository(server, "app", { id: 42, pulls: 0 });
  const file = "/user-attachments/files/77/log.txt";
  server.files.set(file, { status: 200, body: Buffer.from("a file") });
  const issues = server.lists.get(`${path}/issues`) ?? [];
  server.lists.set(`${path}/issues`, [{ ...issues[0], body: `see ${server.webUrl}${file}` }, ...issues.slice(1)]);
  const encryption = await sealing();
  const options = { skip: ["all"], include: ["issues", "attachments"] };
  const backup = githubBackup(server, options, aBackup({ encryption: () => encryption }));
  const first = await backup.run();
  assert.equal(first.status, "ok", first.manifest?.units[0]?.error?.message);
  assert.deepEqual(named(first, "/attachment-"), [undefined]);
  server.files.set(file, { status: 500 });
  const second = await backup.run();
  assert.deepEqual(second.manifest?.warnings, []);
  assert.deepEqual(named(second, "/attachment-"), [first.snapshot]);
});

async function* bytesOf(text: string) {
  yield Buffer.from(text);
}
