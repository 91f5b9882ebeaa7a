import assert from "node:assert/strict";
import fs from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";
import { relative } from "node:path";
import { test } from "node:test";
import { bytesOf } from "../../../lib/bytes.ts";
import { storeOnDisk } from "../../support/stores.ts";

/** What changes files, and what has that last a power failure, in the order in which each ended. */
const calls: { readonly what: string; readonly paths: readonly string[] }[] = [];
const { link, mkdir, open, rename, rmdir, unlink } = fs;

function recorded<A extends readonly unknown[], R>(
  what: string,
  paths: (...args: A) => unknown[],
  call: (...args: A) => Promise<R>,
) {
  return async (...args: A): Promise<R> => {
    const result = await call(...args);
    calls.push({ what, paths: paths(...args).map(String) });
    return result;
  };
}

Object.assign(fs, {
  link: recorded("link", (from, to) => [from, to], link),
  mkdir: recorded("mkdir", (path) => [path], mkdir),
  rename: recorded("rename", (from, to) => [from, to], rename),
  rmdir: recorded("rmdir", (path) => [path], rmdir),
  unlink: recorded("unlink", (path) => [path], unlink),
  async open(...args: Parameters<typeof open>) {
    const file = await open(...args);
    const { sync, write } = file;
    const of = () => [args[0]];
    return Object.assign(file, {
      sync: recorded("sync", of, sync.bind(file)),
      write: recorded("write", of, write.bind(file) as (...written: unknown[]) => Promise<unknown>),
    });
  },
});
syncBuiltinESMExports();
// After that: what it calls it takes at its import.
const { filesystemStorage } = await import("../../../lib/storage/filesystem.ts");

test("what is stored, replaced, copied and removed is on the disk, in that order, once it is told as done", async () => {
  await using at = await storeOnDisk((basePath) => filesystemStorage({ basePath }));
  const { storage, basePath } = at;
  const callsOf = async (work: Promise<unknown>) => {
    calls.length = 0;
    await work;
    return calls.map(({ what, paths }) => [what, ...paths.map((path) => shown(relative(basePath, path)))].join(" "));
  };
  assert.deepEqual(await callsOf(storage.put("job/day/one", bytesOf("one"), { ifAbsent: true })), [
    ...["mkdir job", "sync .", "mkdir job/day", "sync job"],
    ...["write job/day/MAKING", "sync job/day/MAKING"],
    ...["link job/day/MAKING job/day/one", "unlink job/day/MAKING", "sync job/day"],
  ]);
  assert.deepEqual(await callsOf(storage.put("job/day/two", bytesOf("two"))), [
    ...["write job/day/MAKING", "sync job/day/MAKING"],
    ...["rename job/day/MAKING job/day/two", "sync job/day"],
  ]);
  const { version } = await storage.read("job/day/two", 100);
  assert.deepEqual(await callsOf(storage.put("job/day/two", bytesOf("other"), { ifMatch: version })), [
    ...["write job/day/MAKING", "sync job/day/MAKING"],
    ...["rename job/day/MAKING job/day/two", "unlink job/day/LOCK", "sync job/day"],
  ]);
  assert.deepEqual(await callsOf(storage.copy("job/day/one", "job/next/one")), [
    ...["mkdir job/next", "sync job"],
    ...["link job/day/one job/next/MAKING", "rename job/next/MAKING job/next/one", "sync job/next"],
  ]);
  assert.deepEqual(await callsOf(storage.remove(["job/day/two", "job/next/one", "job/day/one"])), [
    ...["unlink job/day/two", "sync job/day"],
    ...["unlink job/next/one", "rmdir job/next", "sync job"],
    ...["unlink job/day/one", "rmdir job/day", "rmdir job", "sync ."],
  ]);
});

const shown = (path: string): string =>
  path === "" ? "." : path.replace(/\.core-backup-tmp-lock-.*/, "LOCK").replace(/\.core-backup-tmp-.*/, "MAKING");
