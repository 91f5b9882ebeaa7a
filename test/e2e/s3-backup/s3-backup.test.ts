import assert from "node:assert/strict";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, type TestContext, test } from "node:test";
import { CreateBucketCommand, PutBucketPolicyCommand, type S3Client } from "@aws-sdk/client-s3";
import { connect, createS3Client } from "../../../lib/storage/s3/client.ts";
import { patternBytes } from "../../support/bytes.ts";
import { addUser, noVersitygw, type S3Server, startVersitygw } from "../../support/s3-server.ts";
import { configured, coreBackup, document, type Ended, temporaryFolder } from "../core-backup.ts";

const LARGE = 9 * 1024 * 1024;
/** A process whose clock is two hours ahead. */
const AHEAD =
  "const D=Date;globalThis.Date=class extends D{constructor(...a){a.length?super(...a):super(D.now()+72e5)}static now(){return D.now()+72e5}};\n";

interface RunDocument {
  readonly runs: readonly Record<string, unknown>[];
  readonly jobs: readonly { readonly error?: { readonly code: string; readonly message: string } }[];
}

describe("a backup to a bucket", { skip: noVersitygw }, () => {
  let server: S3Server;
  let client: S3Client;
  before(async () => {
    server = await startVersitygw();
    const { endpoint, region, credentials } = server;
    client = createS3Client({ endpoint, region, credentials, pathStyle: true, connection: connect({ env: {} }) });
  });
  after(async () => {
    client.destroy();
    await server[Symbol.asyncDispose]();
  });

  let buckets = 0;
  async function newBucket(): Promise<string> {
    buckets += 1;
    const Bucket = `e2e-${buckets}`;
    await client.send(new CreateBucketCommand({ Bucket }));
    return Bucket;
  }

  /** A configuration of one job over two folders, for the storage that is named. */
  async function aJob(t: TestContext) {
    const folder = await temporaryFolder(t);
    const source = join(folder, "source");
    for (const name of ["small", "large"]) await mkdir(join(source, name), { recursive: true });
    await writeFile(join(source, "small", "a.txt"), "hello\n");
    await writeFile(join(source, "large", "b.bin"), patternBytes(LARGE));
    const config = await configured(
      folder,
      `jobs:
  - name: docs
    service: filesystem
    compression: none
    retention: { keep_last: 1 }
    target_storage: cloud
    options: { paths: [source/small, source/large] }
storage:
  local: { type: filesystem, base_path: store }
  cloud:
    type: s3
    bucket_env: BUCKET
    prefix: backups/
    endpoint: ${server.endpoint}
    access_key_id_env: KEY_ID
    secret_access_key_env: SECRET
`,
    );
    return { folder, config };
  }

  async function ran(
    { folder, config }: { readonly folder: string; readonly config: string },
    env: Record<string, string>,
    args: readonly string[] = ["run"],
  ): Promise<Ended> {
    const { accessKeyId: KEY_ID, secretAccessKey: SECRET } = server.credentials;
    const ended = await coreBackup([...args, "--config", config, "--json"], {
      cwd: folder,
      env: { KEY_ID, SECRET, ...env },
    });
    assert.ok(!`${ended.stdout}${ended.stderr}`.includes(env.SECRET ?? SECRET), "a secret was written");
    return ended;
  }

  test("the manifest is that of a backup to a folder, but for times; it verifies, restores and is pruned", async (t) => {
    const BUCKET = await newBucket();
    const cloud = await aJob(t);
    const there = await ran(cloud, { BUCKET });
    const local = { ...cloud, config: join(cloud.folder, "local.yml") };
    await writeFile(
      local.config,
      (await readFile(cloud.config, "utf8")).replace("target_storage: cloud", "target_storage: local"),
    );
    const here = await ran(local, {});
    assert.deepEqual([there.code, here.code], [0, 0], there.stderr + here.stderr);
    assert.deepEqual(timeless(there), timeless(here));

    assert.equal((await ran(cloud, { BUCKET }, ["verify", "--prove"])).code, 0);
    assert.equal((await ran(cloud, { BUCKET }, ["restore", "--job", "docs", "--to", "restored"])).code, 0);
    for (const [name, content] of [
      ["small/files/a.txt", Buffer.from("hello\n")],
      ["large/files/b.bin", Buffer.from(patternBytes(LARGE))],
    ] as const)
      assert.ok((await readFile(join(cloud.folder, "restored/source", name))).equals(content), name);

    const second = await ran(cloud, { BUCKET });
    assert.equal(second.code, 0, second.stderr);
    const list = document(await ran(cloud, { BUCKET }, ["list"])) as unknown[];
    assert.equal(list.length, 1);
  });

  const beforeTheRun: readonly [string, string, (bucket: string) => Promise<Record<string, string>>, RegExp][] = [
    [
      "a wrong secret",
      "STORAGE_UNAUTHORIZED",
      async () => ({ SECRET: "canary-secret" }),
      /the secret access key is wrong/,
    ],
    [
      "an unknown access key",
      "STORAGE_UNAUTHORIZED",
      async () => ({ KEY_ID: "nobody" }),
      /the access key is not known/,
    ],
    [
      "a bucket that does not exist",
      "STORAGE_NOT_FOUND",
      async () => ({ BUCKET: "no-such-bucket" }),
      /there is no such bucket/,
    ],
    ["another region", "STORAGE_REGION", async () => ({ REGION: "eu-central-1" }), /set region: us-east-1/],
    ["a clock that is two hours ahead", "STORAGE_CLOCK", async () => ({ CLOCK: AHEAD }), /clock differs too much/],
    [
      "a bucket that may only be read",
      "STORAGE_FORBIDDEN",
      async (bucket) => userWith(client, server, bucket, ["s3:ListBucket", "s3:GetObject"], ["*"]),
      /it takes s3:PutObject/,
    ],
  ];
  for (const [what, code, envFor, message] of beforeTheRun) {
    test(`${what} is found before the run: exit code 2, and the error names storage, bucket and what is missing`, async (t) => {
      const bucket = await newBucket();
      const job = await aJob(t);
      const env = { BUCKET: bucket, ...(await envFor(bucket)) };
      if ("REGION" in env) await replaceIn(job.config, "prefix:", `region: ${env.REGION}\n    prefix:`);
      if ("CLOCK" in env) {
        await writeFile(join(job.folder, "clock.mjs"), AHEAD);
        Object.assign(env, { NODE_OPTIONS: `--import=${join(job.folder, "clock.mjs")}` });
      }
      const ended = await ran(job, env);
      const [{ error } = {}] = (document(ended) as RunDocument).jobs;
      assert.deepEqual([ended.code, error?.code], [2, code], ended.stderr);
      assert.ok(error?.message.startsWith(`storage cloud, bucket ${env.BUCKET}: `), error?.message);
      assert.match(error?.message ?? "", message);
    });
  }

  test("a right that is missing in the run alone fails what needs it: exit code 1", async (t) => {
    const bucket = await newBucket();
    const job = await aJob(t);
    const writable = [".core-backup-tmp-probe", "docs/.lease", "docs/*/.run/*"].map((key) => `backups/${key}`);
    const env = await userWith(client, server, bucket, ["s3:ListBucket", "s3:GetObject", "s3:PutObject"], writable);
    const ended = await ran(job, { BUCKET: bucket, ...env });
    assert.equal(ended.code, 1, ended.stderr);
    assert.match(
      ended.stdout + ended.stderr,
      new RegExp(`storage cloud, bucket ${bucket}: storing docs/.*it takes s3:PutObject`),
    );
  });
});

/** An account that may do these things; what writes is allowed for these keys only. */
async function userWith(
  client: S3Client,
  server: S3Server,
  bucket: string,
  actions: readonly string[],
  writable: readonly string[],
): Promise<Record<string, string>> {
  const { accessKeyId, secretAccessKey } = await addUser(server);
  const all = `arn:aws:s3:::${bucket}`;
  const statements = actions.map((Action) => ({
    Effect: "Allow",
    Principal: { AWS: [accessKeyId] },
    Action,
    Resource:
      Action === "s3:ListBucket" ? [all] : (Action === "s3:PutObject" ? writable : ["*"]).map((key) => `${all}/${key}`),
  }));
  const Policy = JSON.stringify({ Version: "2012-10-17", Statement: statements });
  await client.send(new PutBucketPolicyCommand({ Bucket: bucket, Policy }));
  return { KEY_ID: accessKeyId, SECRET: secretAccessKey };
}

/** The one manifest of a run without what differs each time. */
function timeless(ended: Ended): unknown {
  const [manifest] = (document(ended) as RunDocument).runs;
  const volatile = new Set(["run", "snapshot", "startedAt", "finishedAt", "durationMs", "previous"]);
  return JSON.parse(JSON.stringify(manifest, (key, value) => (volatile.has(key) ? undefined : value)));
}

async function replaceIn(file: string, what: string, by: string): Promise<void> {
  await writeFile(file, (await readFile(file, "utf8")).replace(what, by));
}
