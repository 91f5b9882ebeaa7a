import assert from "node:assert/strict";
import { test } from "node:test";
import { open } from "../../lib/open.ts";
import { createRedaction } from "../../lib/secrets/redaction.ts";
import { aJob } from "../support/a-backup.ts";
import { silentLog } from "../support/logs.ts";

const options = {
  env: {},
  log: silentLog,
  emit: () => {},
  redaction: createRedaction(),
  now: () => new Date(),
  waits: "here",
  signal: new AbortController().signal,
} as const;

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
