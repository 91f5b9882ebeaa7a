import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { bytesOf } from "../../../lib/bytes.ts";
import type { Log, LogFields } from "../../../lib/log.ts";
import { openStorage } from "../../../lib/storage/all.ts";
import { temporaryFolder } from "../../support/stores.ts";

const silent: Log = { debug() {}, info() {}, warn() {}, error() {}, with: () => silent };
const signal = new AbortController().signal;

for (const options of [{ type: "filesystem" }, { type: "nfs", require_mount: false }] as const) {
  test(`a ${options.type} storage is opened from its options`, async () => {
    await using folder = await temporaryFolder();
    const storage = openStorage(
      "local",
      { ...options, base_path: join(folder.path, "store") },
      { log: silent, signal },
    );
    await storage.prepare();
    await storage.put("a/b.bin", bytesOf("b"));
    assert.deepEqual(await Array.fromAsync(storage.list("")), [{ key: "a/b.bin", bytes: 1 }]);
  });
}

test("an nfs storage requires a mount when its options do", { skip: process.platform !== "linux" }, async () => {
  const options = { type: "nfs", base_path: "/core-backup-no-such-export", require_mount: true } as const;
  await assert.rejects(openStorage("share", options, { log: silent, signal }).prepare(), {
    code: "STORAGE_NOT_MOUNTED",
  });
});

test("what fails for good is not tried again", async () => {
  await using folder = await temporaryFolder();
  const warned: (LogFields | undefined)[] = [];
  const log: Log = { ...silent, warn: (_, fields) => warned.push(fields) };
  await writeFile(join(folder.path, "file"), "");
  const storage = openStorage("local", { type: "filesystem", base_path: join(folder.path, "file") }, { log, signal });
  await assert.rejects(storage.prepare(), { code: "STORAGE_FAILED" });
  assert.deepEqual(warned, []);
});
