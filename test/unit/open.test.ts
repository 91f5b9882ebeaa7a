import assert from "node:assert/strict";
import { test } from "node:test";
import { open } from "../../lib/open.ts";
import { createRedaction } from "../../lib/secrets/redaction.ts";
import { aJob } from "../support/a-backup.ts";
import { silentLog } from "../support/logs.ts";

test("closing throws nothing for a connector that could not be opened: why it could not was told where it was asked for", async () => {
  const job = aJob({ service: "git", options: {} });
  const backup = open(
    { file: "test.yml", jobs: [job], storage: {}, notifications: {}, max_jobs: 1 },
    {
      env: {},
      log: silentLog,
      emit: () => {},
      redaction: createRedaction(),
      now: () => new Date(),
      waits: "here",
      signal: new AbortController().signal,
    },
  );
  await assert.rejects(backup.connector(job));
  await backup.close();
});
