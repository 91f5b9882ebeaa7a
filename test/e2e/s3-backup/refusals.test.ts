import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { type Between, standBetween } from "../../support/between.ts";
import { noVersitygw } from "../../support/s3-server.ts";
import { document, type Ended } from "../core-backup.ts";
import { aJob, type Buckets, type RunDocument, startBuckets } from "./bucket-job.ts";

/** A process whose clock is two hours ahead. */
const AHEAD =
  "const D=Date;globalThis.Date=class extends D{constructor(...a){a.length?super(...a):super(D.now()+72e5)}static now(){return D.now()+72e5}};\n";

/** In the words of AWS: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html */
const EXPIRED = {
  do: "answer",
  status: 400,
  headers: { "content-type": "application/xml" },
  body: '<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>ExpiredToken</Code><Message>The provided token has expired.</Message></Error>',
} as const;

interface Refusal {
  readonly what: string;
  readonly code: string;
  readonly message: RegExp;
  /** The variables of a command that meets it. */
  readonly env: (bucket: string, folder: string) => Promise<Record<string, string>>;
}

describe("a bucket that refuses", { skip: noVersitygw }, () => {
  let s3: Buckets;
  let between: Between;
  before(async () => {
    s3 = await startBuckets();
    between = await standBetween(s3.server.endpoint);
  });
  after(async () => {
    await between[Symbol.asyncDispose]();
    await s3[Symbol.asyncDispose]();
  });

  const refusals: readonly Refusal[] = [
    {
      what: "a wrong secret",
      code: "STORAGE_UNAUTHORIZED",
      message: /the secret access key is wrong/,
      env: async () => ({ SECRET: "canary-secret" }),
    },
    {
      what: "an unknown access key",
      code: "STORAGE_UNAUTHORIZED",
      message: /the access key is not known/,
      env: async () => ({ KEY_ID: "nobody" }),
    },
    {
      what: "an expired session token",
      code: "STORAGE_UNAUTHORIZED",
      message: /the session token has expired/,
      env: async () => {
        between.meddle = () => EXPIRED;
        return {};
      },
    },
    {
      what: "a bucket that does not exist",
      code: "STORAGE_NOT_FOUND",
      message: /there is no such bucket/,
      env: async () => ({ BUCKET: "no-such-bucket" }),
    },
    {
      what: "another region",
      code: "STORAGE_REGION",
      message: /set region: us-east-1/,
      env: async () => ({ REGION: "eu-central-1" }),
    },
    {
      what: "a clock that is two hours ahead",
      code: "STORAGE_CLOCK",
      message: /clock differs too much/,
      env: async (_, folder) => {
        await writeFile(join(folder, "clock.mjs"), AHEAD);
        return { NODE_OPTIONS: `--import=${join(folder, "clock.mjs")}` };
      },
    },
    {
      what: "a bucket that may not even be listed",
      code: "STORAGE_FORBIDDEN",
      message: /it takes s3:ListBucket/,
      env: (bucket) => s3.userWith(bucket, ["s3:GetObject"], []),
    },
  ];
  for (const { what, code, message, env: envOf } of refusals) {
    test(`${what} is found before anything is begun: exit code 2 of every command, and an error that names storage, bucket and what is missing`, async (t) => {
      const bucket = await s3.newBucket();
      const job = await aJob(t, between.endpoint);
      t.after(() => {
        between.meddle = () => undefined;
      });
      const env = { BUCKET: bucket, ...(await envOf(bucket, job.folder)) };
      if ("REGION" in env) {
        const config = await readFile(job.config, "utf8");
        await writeFile(job.config, config.replace("prefix:", `region: ${env.REGION}\n    prefix:`));
      }
      const commands = [
        ["run"],
        ["plan"],
        ["list"],
        ["show", "--job", "docs"],
        ["verify"],
        ["verify", "--snapshot", "all"],
        ["restore", "--job", "docs", "--to", "restored"],
        ["prune"],
        ["prune", "--dry-run"],
      ];
      const seen = await Promise.all(commands.map(async (args) => [args, await s3.ran(job, env, args)] as const));
      for (const [args, ended] of seen) {
        const error = errorIn(ended);
        assert.deepEqual([args, ended.code, error?.code], [args, 2, code], ended.stdout + ended.stderr);
        assert.ok(error?.message.startsWith(`storage cloud, bucket ${env.BUCKET}: `), error?.message);
        assert.match(error?.message ?? "", message);
      }
    });
  }

  test("a bucket that may only be read can be listed and restored from; run and prune end with 2 before they begin", async (t) => {
    const BUCKET = await s3.newBucket();
    const job = await aJob(t, s3.server.endpoint);
    const keepOne = await readFile(job.config, "utf8");
    await writeFile(job.config, keepOne.replace("keep_last: 1", "keep_last: 2"));
    for (const _ of ["first", "second"]) assert.equal((await s3.ran(job, { BUCKET })).code, 0);
    await writeFile(job.config, keepOne);
    const reader = { BUCKET, ...(await s3.userWith(BUCKET, ["s3:ListBucket", "s3:GetObject"], [])) };
    for (const args of [["list"], ["show", "--job", "docs"], ["verify"], ["restore", "--job", "docs", "--to", "to"]])
      assert.deepEqual([args, (await s3.ran(job, reader, args)).code], [args, 0]);
    for (const args of [["run"], ["prune"]]) {
      const ended = await s3.ran(job, reader, args);
      const error = errorIn(ended);
      assert.deepEqual([args, ended.code, error?.code], [args, 2, "STORAGE_FORBIDDEN"], ended.stderr);
      assert.match(error?.message ?? "", new RegExp(`^storage cloud, bucket ${BUCKET}: .*it takes s3:PutObject`));
    }
  });

  test("a right that is missing in the run alone fails what needs it: exit code 1", async (t) => {
    const bucket = await s3.newBucket();
    const job = await aJob(t, s3.server.endpoint);
    const writable = [".core-backup-tmp-probe", "docs/.core-backup-tmp-probe", "docs/.lease", "docs/*/.run/*"].map(
      (key) => `backups/${key}`,
    );
    const env = await s3.userWith(
      bucket,
      ["s3:ListBucket", "s3:ListBucketMultipartUploads", "s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload"],
      writable,
    );
    const ended = await s3.ran(job, { BUCKET: bucket, ...env });
    assert.equal(ended.code, 1, ended.stderr);
    assert.match(
      ended.stdout + ended.stderr,
      new RegExp(`storage cloud, bucket ${bucket}: storing docs/.*it takes s3:PutObject`),
    );
  });

  test("a session token that expires in the middle of a run fails what needs it: exit code 1, and no snapshot", async (t) => {
    const BUCKET = await s3.newBucket();
    const job = await aJob(t, between.endpoint);
    t.after(() => {
      between.meddle = () => undefined;
    });
    let expired = false;
    between.meddle = (call) => {
      // Of an artifact: what the bucket is tried with, and the run's own documents, come before it has begun.
      expired ||= /^PUT (?!\S*[.](run|core-backup-tmp-probe)\b).*partNumber=1/.test(call);
      return expired ? EXPIRED : undefined;
    };
    const ended = await s3.ran(job, { BUCKET });
    assert.equal(ended.code, 1, ended.stderr);
    assert.match(
      ended.stdout + ended.stderr,
      new RegExp(`storage cloud, bucket ${BUCKET}: .*the session token has expired`),
    );
    between.meddle = () => undefined;
    assert.deepEqual(document(await s3.ran(job, { BUCKET }, ["list"])), []);
    assert.equal((await s3.ran(job, { BUCKET })).code, 0);
  });
});

/** Of whichever document the command prints: one of jobs, a list of entries, or that of a failure. */
function errorIn(ended: Ended): { readonly code: string; readonly message: string } | undefined {
  const printed = document(ended) as
    | RunDocument
    | RunDocument["jobs"]
    | { errors: NonNullable<RunDocument["jobs"][0]["error"]>[] };
  if ("errors" in printed) return printed.errors[0];
  return ("jobs" in printed ? printed.jobs : printed)[0]?.error;
}
