import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { patternBytes } from "../../support/bytes.ts";
import { noVersitygw } from "../../support/s3-server.ts";
import { document, type Ended } from "../core-backup.ts";
import { aJob, type Buckets, LARGE, type RunDocument, startBuckets } from "./bucket-job.ts";

describe("a backup to a bucket", { skip: noVersitygw }, () => {
  let s3: Buckets;
  before(async () => {
    s3 = await startBuckets();
  });
  after(() => s3[Symbol.asyncDispose]());

  test("the manifest is that of a backup to a folder, but for times; it verifies, restores and is pruned", async (t) => {
    const BUCKET = await s3.newBucket();
    const cloud = await aJob(t, s3.server.endpoint);
    const there = await s3.ran(cloud, { BUCKET });
    const local = { ...cloud, config: join(cloud.folder, "local.yml") };
    await writeFile(
      local.config,
      (await readFile(cloud.config, "utf8")).replace("target_storage: cloud", "target_storage: local"),
    );
    const here = await s3.ran(local, {});
    assert.deepEqual([there.code, here.code], [0, 0], there.stderr + here.stderr);
    assert.deepEqual(timeless(there), timeless(here));

    assert.equal((await s3.ran(cloud, { BUCKET }, ["verify", "--prove"])).code, 0);
    assert.equal((await s3.ran(cloud, { BUCKET }, ["restore", "--job", "docs", "--to", "restored"])).code, 0);
    for (const [name, content] of [
      ["small/files/a.txt", Buffer.from("hello\n")],
      ["large/files/b.bin", Buffer.from(patternBytes(LARGE))],
    ] as const)
      assert.ok((await readFile(join(cloud.folder, "restored/source", name))).equals(content), name);

    const second = await s3.ran(cloud, { BUCKET });
    assert.equal(second.code, 0, second.stderr);
    const list = document(await s3.ran(cloud, { BUCKET }, ["list"])) as unknown[];
    assert.equal(list.length, 1);
  });
});

/** The one manifest of a run without what differs each time. */
function timeless(ended: Ended): unknown {
  const [manifest] = (document(ended) as RunDocument).runs;
  const volatile = new Set(["run", "snapshot", "startedAt", "finishedAt", "durationMs", "previous"]);
  return JSON.parse(JSON.stringify(manifest, (key, value) => (volatile.has(key) ? undefined : value)));
}
