import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { CreateBucketCommand, PutBucketPolicyCommand, type S3Client } from "@aws-sdk/client-s3";
import { connect, createS3Client } from "../../../lib/storage/s3/client.ts";
import { patternBytes } from "../../support/bytes.ts";
import { addUser, type S3Server, startVersitygw } from "../../support/s3-server.ts";
import { configured, coreBackup, type Ended, temporaryFolder } from "../core-backup.ts";

export const LARGE = 9 * 1024 * 1024;

export interface RunDocument {
  readonly runs: readonly Record<string, unknown>[];
  readonly jobs: readonly { readonly error?: { readonly code: string; readonly message: string } }[];
}

export interface BucketJob {
  readonly folder: string;
  readonly config: string;
}

export interface Buckets extends AsyncDisposable {
  readonly server: S3Server;
  newBucket(): Promise<string>;
  /** What the command does with this job, by the server's first account unless `env` says another. */
  ran(job: BucketJob, env: Record<string, string>, args?: readonly string[]): Promise<Ended>;
  /** The variables of an account that may do these things; what writes is allowed for the keys `writable` only. */
  userWith(bucket: string, actions: readonly string[], writable: readonly string[]): Promise<Record<string, string>>;
}

export async function startBuckets(): Promise<Buckets> {
  const server = await startVersitygw();
  const { endpoint, region, credentials } = server;
  const client = createS3Client({ endpoint, region, credentials, pathStyle: true, connection: connect({}) });
  let buckets = 0;
  return {
    server,
    async newBucket() {
      buckets += 1;
      const Bucket = `e2e-${buckets}`;
      await client.send(new CreateBucketCommand({ Bucket }));
      return Bucket;
    },
    async ran({ folder, config }, env, args = ["run"]) {
      const { accessKeyId: KEY_ID, secretAccessKey: SECRET } = credentials;
      const ended = await coreBackup([...args, "--config", config, "--json"], {
        cwd: folder,
        env: { KEY_ID, SECRET, ...env },
      });
      assert.ok(!`${ended.stdout}${ended.stderr}`.includes(env.SECRET ?? SECRET), "a secret was written");
      return ended;
    },
    userWith: (bucket, actions, writable) => userWith(client, server, bucket, actions, writable),
    async [Symbol.asyncDispose]() {
      client.destroy();
      await server[Symbol.asyncDispose]();
    },
  };
}

/** A configuration of one job over two folders, whose storage is a bucket there; `local` is a folder. */
export async function aJob(t: TestContext, endpoint: string): Promise<BucketJob> {
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
    endpoint: ${endpoint}
    access_key_id_env: KEY_ID
    secret_access_key_env: SECRET
`,
  );
  return { folder, config };
}

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
    Resource: Action.startsWith("s3:ListBucket")
      ? [all]
      : (Action === "s3:PutObject" ? writable : ["*"]).map((key) => `${all}/${key}`),
  }));
  const Policy = JSON.stringify({ Version: "2012-10-17", Statement: statements });
  await client.send(new PutBucketPolicyCommand({ Bucket: bucket, Policy }));
  return { KEY_ID: accessKeyId, SECRET: secretAccessKey };
}
