import assert from "node:assert/strict";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { handler } from "../../../functions/notify.ts";
import { temporaryFolder } from "../../support/stores.ts";

/** As the state machine puts it, and as the rule does that tells of what was stopped. */
const failed = { job: "files", status: "failed", step: "plan", error: "TypeError", cause: "it is broken" };
const stopped = { job: "files", status: "interrupted", stopped: "ABORTED", execution: "night" };

test("each end of an execution counts once: the first one, and those after each time that it was redriven", async (t) => {
  await using folder = await temporaryFolder();
  const file = join(folder.path, "core-backup.yml");
  await mkdir(join(folder.path, "store"));
  const document = {
    jobs: [{ name: "files", service: "filesystem", options: { paths: [folder.path] } }],
    storage: { here: { type: "filesystem", base_path: join(folder.path, "store") } },
    metrics: {},
  };
  await writeFile(file, JSON.stringify(document));
  t.mock.method(process.stdout, "write", () => true);
  process.env.CORE_BACKUP_CONFIG = file;
  const invocation = { awsRequestId: "1", getRemainingTimeInMillis: () => 300_000 };
  const ends = async (event: object) => {
    await handler(event, invocation);
    const { runs } = JSON.parse(await readFile(join(folder.path, "store/files/.metrics.json"), "utf8"));
    return [runs.failed ?? 0, runs.interrupted ?? 0];
  };

  assert.deepEqual(await ends({ outcome: failed, execution: "night", redrives: 0 }), [1, 0]);
  assert.deepEqual(await ends({ outcome: stopped }), [1, 0], "stopped once all was told of it");
  for (const redrives of [1, 2]) {
    assert.deepEqual(await ends({ outcome: failed, execution: "night", redrives }), [1 + redrives, 0]);
    assert.deepEqual(await ends({ outcome: failed, execution: "night", redrives }), [1 + redrives, 0], "tried again");
  }
  assert.deepEqual(await ends({ outcome: { ...stopped, redrives: "2" } }), [3, 0]);
  assert.deepEqual(await ends({ outcome: { ...stopped, redrives: "3" } }), [3, 1]);
});
