import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { bytesOf } from "../../lib/bytes.ts";
import { storageSchema } from "../../lib/config/storage-options.ts";
import { open } from "../../lib/open.ts";
import { createRedaction } from "../../lib/secrets/redaction.ts";
import { aJob } from "../support/a-backup.ts";
import { silentLog } from "../support/logs.ts";
import { temporaryFolder } from "../support/stores.ts";

const options = {
  env: {},
  log: silentLog,
  emit: () => {},
  redaction: createRedaction(),
  now: () => new Date(),
  waits: "here",
  signal: new AbortController().signal,
} as const;

const someStorages = {
  file: "test.yml",
  jobs: [],
  storage: {
    stack: storageSchema.parse({ type: "s3", bucket_env: "S3_BUCKET", prefix: "backups/" }),
    other: storageSchema.parse({ type: "s3", bucket: "another-bucket" }),
    share: storageSchema.parse({ type: "nfs", base_path: "/mnt/team" }),
  },
  notifications: {},
  max_jobs: 1,
};

test("a job has a storage of its own in each place that it is asked for in", async () => {
  const job = aJob();
  const storage = {
    one: { type: "filesystem", base_path: "/one" },
    two: { type: "filesystem", base_path: "/two" },
  } as const;
  const backup = open({ file: "test.yml", jobs: [job], storage, notifications: {}, max_jobs: 1 }, options);
  const [one, two] = await Promise.all(
    ["one", "two"].map((target_storage) => backup.storage({ ...job, target_storage })),
  );
  assert.notEqual(one, two);
  assert.equal(one, await backup.storage({ ...job, target_storage: "one" }));
});

test("closing throws nothing for a connector that could not be opened: why it could not was told where it was asked for", async () => {
  const job = aJob({ service: "git", options: {} });
  const backup = open({ file: "test.yml", jobs: [job], storage: {}, notifications: {}, max_jobs: 1 }, options);
  await assert.rejects(backup.connector(job));
  await backup.close();
});

test("what was told is kept in a folder of this machine, which is made when there is something to keep", async () => {
  await using folder = await temporaryFolder();
  const stateFolder = join(folder.path, "state");
  const backup = open(someStorages, { ...options, stateFolder });
  const memory = await backup.watchMemory?.(aJob({ target_storage: "stack" }));
  assert.equal(memory, backup.machine);
  await assert.rejects(memory?.read("a/b", 10) ?? Promise.resolve(), { code: "NOT_FOUND" });
  assert.deepEqual(await readdir(folder.path), []);
  await memory?.put("a/b", bytesOf("told"), { ifAbsent: true });
  assert.equal(String((await memory?.read("a/b", 10))?.content), "told");
  assert.equal(await open(someStorages, options).watchMemory?.(aJob({ target_storage: "other" })), undefined);
});

test("a function keeps what it told in the bucket of its stack, unless that is the storage it is about", async () => {
  const inFunction = { ...options, waits: "elsewhere", env: { STACK: "s-t", S3_BUCKET: "the-bucket" } } as const;
  const backup = open(someStorages, inFunction);
  const memoryOf = (target_storage: string) => backup.watchMemory?.(aJob({ target_storage }));
  assert.equal(await memoryOf("stack"), undefined);
  assert.ok((await memoryOf("other")) !== undefined);
  assert.equal(await memoryOf("other"), await memoryOf("share"));
});
