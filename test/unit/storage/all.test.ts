import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { bytesOf } from "../../../lib/bytes.ts";
import { s3Options } from "../../../lib/config/s3-options.ts";
import type { Log, LogFields } from "../../../lib/log.ts";
import { createRedaction } from "../../../lib/secrets/redaction.ts";
import { createSecretResolver } from "../../../lib/secrets/resolver.ts";
import { openStorage, type StorageContext } from "../../../lib/storage/all.ts";
import { answerCheck } from "../../../lib/storage/answers.ts";
import { silentLog } from "../../support/logs.ts";
import { temporaryFolder } from "../../support/stores.ts";

const { signal } = new AbortController();
const redaction = createRedaction();
const context: StorageContext = {
  secrets: createSecretResolver({ env: {}, redaction, signal }),
  redaction,
  log: silentLog,
  now: () => new Date(),
  signal,
};

for (const options of [{ type: "filesystem" }, { type: "nfs", require_mount: false }] as const) {
  test(`a ${options.type} storage is opened from its options`, async () => {
    await using folder = await temporaryFolder();
    const storage = await openStorage("local", { ...options, base_path: join(folder.path, "store") }, context);
    await storage.prepare();
    await storage.put("a/b.bin", bytesOf("b"));
    assert.deepEqual(await Array.fromAsync(storage.list("")), [{ key: "a/b.bin", bytes: 1 }]);
  });
}

test("an nfs storage requires a mount when its options do", { skip: process.platform !== "linux" }, async () => {
  const options = { type: "nfs", base_path: "/core-backup-no-such-export", require_mount: true } as const;
  const storage = await openStorage("share", options, context);
  await assert.rejects(storage.prepare(), { code: "STORAGE_NOT_MOUNTED" });
});

test("what fails for good is not tried again", async () => {
  await using folder = await temporaryFolder();
  const warned: (LogFields | undefined)[] = [];
  const log: Log = { ...silentLog, warn: (_, fields) => warned.push(fields) };
  await writeFile(join(folder.path, "file"), "");
  const options = { type: "filesystem", base_path: join(folder.path, "file") } as const;
  const storage = await openStorage("local", options, { ...context, log });
  await assert.rejects(storage.prepare(), { code: "STORAGE_FAILED" });
  assert.deepEqual(warned, []);
});

test("a share that was silent for minutes is not tried again by any call", async (t) => {
  await using folder = await temporaryFolder();
  const warned: (LogFields | undefined)[] = [];
  const log: Log = { ...silentLog, warn: (_, fields) => warned.push(fields) };
  let seconds = 0;
  t.mock.method(performance, "now", () => seconds * 1_000);
  const hangs = [process.execPath, "-e", "setTimeout(() => {}, 3_600_000)"] as const;
  const check = answerCheck(folder.path, { limitMs: 20, program: hangs });
  for (seconds of [0, 100, 200]) await assert.rejects(check());
  const storage = await openStorage("local", { type: "filesystem", base_path: folder.path }, { ...context, log });
  await assert.rejects(storage.head("a"), { code: "STORAGE_FAILED" });
  await assert.rejects(Array.fromAsync(storage.list("")), { code: "STORAGE_FAILED" });
  assert.deepEqual(warned, []);
});

test("an s3 storage whose variable holds no bucket's name is refused before anything is sent", async () => {
  const env = { BUCKET: "https://not.a.bucket/" };
  const secrets = createSecretResolver({ env, redaction, signal });
  const options = s3Options.parse({ type: "s3", bucket_env: "BUCKET" });
  await assert.rejects(openStorage("cloud", options, { ...context, secrets }), {
    code: "CONFIG_INVALID",
    message: /storage cloud: "https:\/\/not\.a\.bucket\/" is not the name of a bucket/,
  });
});
