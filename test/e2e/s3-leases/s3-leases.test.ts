import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, type TestContext, test } from "node:test";
import {
  CreateBucketCommand,
  GetObjectCommand,
  ListMultipartUploadsCommand,
  PutObjectCommand,
  paginateListObjectsV2,
  type S3Client,
} from "@aws-sdk/client-s3";
import * as z from "zod";
import { connect, createS3Client } from "../../../lib/storage/s3/client.ts";
import { patternBytes } from "../../support/bytes.ts";
import { noVersitygw, type S3Server, startVersitygw } from "../../support/s3-server.ts";
import { configured, coreBackup, document, paths, start } from "../core-backup.ts";
import { stuckJob } from "../stuck-job.ts";

const held = z.object({
  status: z.literal("refused"),
  jobs: z.tuple([
    z.object({
      error: z.object({ code: z.literal("LEASE_HELD") }),
      heldBy: z.object({ pid: z.int(), run: z.string() }),
    }),
  ]),
});
const taken = z.object({
  status: z.literal("ok"),
  runs: z.tuple([z.object({ resumedAt: z.array(z.iso.datetime()).length(1), units: z.array(z.unknown()).length(5) })]),
  jobs: z.tuple([z.object({ resumed: z.object({ kept: z.literal(2) }) })]),
});
/** More than one part, so that a killed run leaves an upload open. */
const LARGE = 20 * 1024 * 1024;

describe("one bucket for several processes", { skip: noVersitygw }, () => {
  let server: S3Server;
  let client: S3Client;
  before(async () => {
    server = await startVersitygw();
    const { endpoint, region, credentials } = server;
    client = createS3Client({ endpoint, region, credentials, pathStyle: true, connection: connect({}) });
  });
  after(async () => {
    client.destroy();
    await server[Symbol.asyncDispose]();
  });

  /** A job of five units, one at a time, of which the `at`-th is stuck in the middle of its stream, to a bucket of its own. */
  async function aJob(t: TestContext, Bucket: string, at: number) {
    await client.send(new CreateBucketCommand({ Bucket }));
    const stuck = await stuckJob(t, { at });
    const { folder } = stuck.job;
    const sources = [1, 2, 3, 4, 5].map((n) => join(folder, `source-${n}`));
    for (const source of sources) {
      await mkdir(source);
      await writeFile(join(source, "file.bin"), source === sources[2] ? patternBytes(LARGE) : `of ${source}\n`);
    }
    const config = await configured(
      folder,
      `jobs:
  - name: docs
    service: filesystem
    concurrency: 1
    compression: none
    options: { paths: [${sources.join(", ")}] }
storage:
  cloud:
    type: s3
    bucket: ${Bucket}
    prefix: backups/
    endpoint: ${server.endpoint}
    access_key_id_env: KEY_ID
    secret_access_key_env: SECRET
`,
    );
    const { accessKeyId: KEY_ID, secretAccessKey: SECRET } = server.credentials;
    const keys = { KEY_ID, SECRET };
    async function stored(): Promise<string[]> {
      const found: string[] = [];
      for await (const { Contents } of paginateListObjectsV2({ client }, { Bucket }))
        for (const { Key = "" } of Contents ?? []) found.push(Key.slice("backups/".length));
      return found;
    }
    const uploads = async () =>
      ((await client.send(new ListMultipartUploadsCommand({ Bucket }))).Uploads ?? []).map(({ Key }) => Key);
    const lease = { Bucket, Key: "backups/docs/.lease" };
    return { ...stuck, folder, config, keys, env: { ...stuck.env, ...keys }, stored, uploads, lease };
  }

  const manifests = (keys: readonly string[]) => keys.filter((key) => key.endsWith("manifest.json")).length;

  test("of two runs of one job one runs, and the other ends with 1, says who works on it, and stores nothing", async (t) => {
    const { config, env, keys, begun, goOn, stored } = await aJob(t, "two-runs", 1);
    const first = start(["run", "--config", config], { env });
    await begun();
    const lying = await stored();
    const second = await coreBackup(["run", "--json", "--config", config], { env: keys });
    assert.equal(second.code, 1, JSON.stringify(second));
    assert.equal(held.parse(document(second)).jobs[0].heldBy.pid, first.process.pid);
    assert.deepEqual(await stored(), lying);
    const patient = start(["run", "--wait", "1m", "--config", config], { env: keys });
    await patient.heard("waiting for run");
    await goOn();
    for (const run of [first, patient]) assert.equal((await run.ended).code, 0, JSON.stringify(await run.ended));
    assert.equal(manifests(await stored()), 2);
  });

  test("after kill -9 in the third of five units the next run collects the last three, and leaves no upload open", async (t) => {
    const { folder, config, env, keys, begun, count, goOn, stored, uploads } = await aJob(t, "resumed", 3);
    const first = start(["run", "--config", config], { env });
    await begun();
    while ((await uploads()).length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
    first.process.kill("SIGKILL");
    await first.ended;
    assert.equal(await count(), 3);
    assert.equal(manifests(await stored()), 0);
    assert.equal((await uploads()).length, 1);

    await goOn();
    const next = await coreBackup(["run", "--json", "--config", config], { env });
    assert.equal(next.code, 0, JSON.stringify(next));
    assert.match(next.stderr, /took over the lease of run \w+ \(process \d+ on .*\): its process has ended/);
    assert.match(next.stderr, /clearing away an upload that a run left unfinished/);
    taken.parse(document(next));
    assert.equal(await count(), 6);
    assert.deepEqual(await uploads(), []);
    const verified = await coreBackup(["verify", "--prove", "--config", config], { env: keys });
    assert.equal(verified.code, 0, JSON.stringify(verified));
    const to = join(folder, "out");
    const restored = await coreBackup(["restore", "--job", "docs", "--to", to, "--config", config], { env: keys });
    assert.equal(restored.code, 0, JSON.stringify(restored));
    assert.equal((await paths(to)).filter((path) => path.endsWith("file.bin")).length, 5);
  });

  test("a run whose lease another one took ends before it commits, with LEASE_LOST", async (t) => {
    const { config, env, begun, goOn, stored, lease } = await aJob(t, "lost-lease", 5);
    const run = start(["run", "--config", config], { env });
    await begun();
    const { Body } = await client.send(new GetObjectCommand(lease));
    const { process: _, ...found } = JSON.parse((await Body?.transformToString()) ?? "");
    const other = {
      ...found,
      token: "another",
      sequence: found.sequence + 1,
      host: "elsewhere.example",
      run: "01OTHER",
    };
    await client.send(new PutObjectCommand({ ...lease, Body: JSON.stringify(other) }));
    await goOn();
    const ended = await run.ended;
    assert.equal(ended.code, 1, JSON.stringify(ended));
    assert.match(ended.stdout, /LEASE_LOST: the lease of job docs is not ours any more: it is that of run 01OTHER/);
    assert.equal((await stored()).filter((key) => /manifest\.json$|SHA256SUMS$/.test(key)).length, 0);
  });
});
