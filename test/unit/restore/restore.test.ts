import assert from "node:assert/strict";
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { bytesOf } from "../../../lib/bytes.ts";
import { IntegrityError, NotFoundError, RefusedError } from "../../../lib/errors.ts";
import { restore } from "../../../lib/restore/restore.ts";
import { runJobs } from "../../../lib/run.ts";
import { aBackup, contentsOf } from "../../support/a-backup.ts";

const FOLDER = "docs/2026-11-22/030000Z/";
const units = () => [
  { id: "org/a", items: { "a.json": "content of a" } },
  { id: "../b", items: { "b.json": "b" } },
];

async function prepared(t: TestContext) {
  const folder = await mkdtemp(join(tmpdir(), "core-backup-restore-"));
  await chmod(folder, 0o777);
  t.after(() => rm(folder, { recursive: true }));
  const a = aBackup({ units });
  await runJobs(a.backup, ["docs"]);
  return { ...a, to: join(folder, "to"), folder };
}

test("everything comes back in a folder a unit, and nothing leaves the target", async (t) => {
  const { backup, to, folder } = await prepared(t);
  const { files, snapshot } = await restore(backup, { job: "docs", to, force: false });
  assert.equal(snapshot, "2026-11-22T030000Z");
  assert.deepEqual(
    files.map(({ path }) => path),
    ["org/a/a.txt", "%2E./b/b.txt"],
  );
  assert.equal(await readFile(join(to, "org/a/a.txt"), "utf8"), "content of a");
  assert.deepEqual(await readdir(folder), ["to"]);
  assert.deepEqual((await readdir(to)).sort(), ["%2E.", "org"]);
});

test("what is left to type is answered for each unit that lies there, with the paths of the target", async (t) => {
  const { backup, storage, to } = await prepared(t);
  await storage.remove([`${FOLDER}org/a/a.json.zst`]);
  const { next } = await restore(backup, { job: "docs", to, force: false });
  assert.deepEqual(next, [{ unit: "../b", commands: ["cat %2E./b/b.txt"] }]);
});

test("one unit can be asked for; one that is not there is named", async (t) => {
  const { backup, to } = await prepared(t);
  const { files } = await restore(backup, { job: "docs", unit: "org/a", to, force: false });
  assert.equal(files.length, 1);
  await assert.rejects(restore(backup, { job: "docs", unit: "org/x", to: `${to}2`, force: false }), NotFoundError);
});

test("a target that is not empty is refused and untouched; with force, what is there is still never replaced", async (t) => {
  const { backup, to } = await prepared(t);
  await restore(backup, { job: "docs", unit: "org/a", to, force: false });
  await writeFile(join(to, "org/a/a.txt"), "edited since");
  await assert.rejects(restore(backup, { job: "docs", to, force: false }), RefusedError);
  await assert.rejects(restore(backup, { job: "docs", unit: "org/a", to, force: true }), RefusedError);
  assert.equal(await readFile(join(to, "org/a/a.txt"), "utf8"), "edited since");
  const { files } = await restore(backup, { job: "docs", unit: "../b", to, force: true });
  assert.equal(files.length, 1);
});

test("a file in place of the target is refused", async (t) => {
  const { backup, folder } = await prepared(t);
  await writeFile(join(folder, "file"), "");
  await assert.rejects(restore(backup, { job: "docs", to: join(folder, "file"), force: true }), RefusedError);
});

test("an artifact that differs from its manifest is refused, and no part of it stays", async (t) => {
  const { backup, storage, to } = await prepared(t);
  const key = `${FOLDER}org/a/a.json.zst`;
  const content = (await contentsOf(storage)).get(key) ?? Buffer.alloc(0);
  await storage.put(key, bytesOf(Buffer.concat([content, Buffer.from("x")])));
  await assert.rejects(restore(backup, { job: "docs", unit: "org/a", to, force: false }), IntegrityError);
  assert.deepEqual(
    (await readdir(to, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile()),
    [],
  );
});

test("one artifact that cannot be restored does not keep the others back", async (t) => {
  const { backup, storage, to } = await prepared(t);
  await storage.remove([`${FOLDER}org/a/a.json.zst`]);
  const { files, incomplete } = await restore(backup, { job: "docs", to, force: false });
  assert.deepEqual(
    files.map(({ path }) => path),
    ["%2E./b/b.txt"],
  );
  assert.deepEqual(
    incomplete.map(({ unit }) => unit),
    ["org/a"],
  );
  assert.deepEqual(await readdir(to), ["%2E."]);
});

test("a target that cannot be made is refused, and not tried for ever", async (t) => {
  const { backup, folder } = await prepared(t);
  await symlink(join(folder, "nowhere"), join(folder, "dangling"));
  for (const to of [join(folder, "dangling"), join(folder, "dangling/x"), "/proc/core-backup-test"]) {
    await assert.rejects(restore(backup, { job: "docs", to, force: false }), RefusedError, to);
  }
});

test("a manifest that was edited is refused before anything is written", async (t) => {
  const { backup, storage, to, folder } = await prepared(t);
  const key = `${FOLDER}manifest.json`;
  const content = (await contentsOf(storage)).get(key)?.toString() ?? "";
  await storage.put(key, bytesOf(content.replace('"attempts": 1', '"attempts": 2')));
  await assert.rejects(restore(backup, { job: "docs", to, force: false }), IntegrityError);
  assert.deepEqual(await readdir(folder), []);
});

test("a folder that its owner may not write comes back with that mode", async (t) => {
  const { backup, source, to } = await prepared(t);
  const kind = source.kind.restore;
  source.kind.restore = async (artifact, bytes, folder, signal) => {
    await mkdir(join(folder, "files"));
    await kind(artifact, bytes, join(folder, "files"), signal);
    await chmod(join(folder, "files"), 0o555);
    return ["files"];
  };
  const { files } = await asNobody(() => restore(backup, { job: "docs", unit: "org/a", to, force: false }));
  assert.equal((await stat(join(to, "org/a/files"))).mode & 0o777, 0o555);
  assert.equal(files.length, 1);
});

/** Root may write everywhere, so what root runs is run as nobody. */
async function asNobody<T>(work: () => Promise<T>): Promise<T> {
  if (process.geteuid?.() !== 0) return work();
  process.seteuid?.(65_534);
  try {
    return await work();
  } finally {
    process.seteuid?.(0);
  }
}
