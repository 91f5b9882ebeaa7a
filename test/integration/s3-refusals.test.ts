import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { PutBucketPolicyCommand, type S3Client } from "@aws-sdk/client-s3";
import { bytesOf } from "../../lib/bytes.ts";
import { runJobs } from "../../lib/run.ts";
import { connect, createS3Client } from "../../lib/storage/s3/client.ts";
import { s3Storage } from "../../lib/storage/s3/s3.ts";
import { watch } from "../../lib/watch/watch.ts";
import { aBackup, aJob } from "../support/a-backup.ts";
import { standBetween } from "../support/between.ts";
import { addUser, noVersitygw, type S3Server, startVersitygw } from "../support/s3-server.ts";
import { storeOnS3 } from "../support/s3-store.ts";

type Access = Partial<Pick<S3Server, "endpoint" | "region" | "credentials">>;

const moreUploads = (where: string) =>
  `<ListMultipartUploadsResult><IsTruncated>true</IsTruncated>${where}</ListMultipartUploadsResult>`;

/** What the strict server refuses, each with an error of its own that names the storage, the bucket and what is missing. */
describe("s3 says what is wrong with the set-up", { skip: noVersitygw }, () => {
  let server: S3Server;
  before(async () => {
    server = await startVersitygw();
  });
  after(() => server[Symbol.asyncDispose]());

  /** The storage of an existing bucket, reached in another way. */
  async function reached(access: Access, bucket?: string) {
    const subject = await storeOnS3(server);
    const client = createS3Client({ ...server, pathStyle: true, connection: connect({}), ...access });
    const store = { ...subject.store, client, name: "cloud", bucket: bucket ?? subject.store.bucket };
    return { storage: s3Storage(store), bucket: store.bucket, root: subject };
  }

  test("an access key that is not known", async () => {
    const credentials = { accessKeyId: "nobody", secretAccessKey: "canary-secret" };
    const { storage, bucket } = await reached({ credentials });
    await assert.rejects(storage.prepare(), {
      name: "StorageError",
      code: "STORAGE_UNAUTHORIZED",
      message: new RegExp(`^storage cloud, bucket ${bucket}: trying to list: the access key is not known there`),
    });
  });

  test("a wrong secret access key", async () => {
    const credentials = { ...server.credentials, secretAccessKey: "canary-secret" };
    const { storage, bucket } = await reached({ credentials });
    await assert.rejects(storage.prepare(), (error: Error & { code?: string }) => {
      assert.equal(error.code, "STORAGE_UNAUTHORIZED");
      assert.match(error.message, new RegExp(`^storage cloud, bucket ${bucket}: .*the secret access key is wrong`));
      assert.doesNotMatch(error.message, /canary/);
      return true;
    });
  });

  test("another region than the bucket's", async () => {
    const { storage, bucket } = await reached({ region: "eu-central-1" });
    await assert.rejects(storage.prepare(), {
      code: "STORAGE_REGION",
      message: new RegExp(`^storage cloud, bucket ${bucket}: .*set region: us-east-1`),
    });
  });

  test("a bucket that does not exist", async () => {
    const { storage } = await reached({}, "no-such-bucket");
    await assert.rejects(storage.prepare(), {
      code: "STORAGE_NOT_FOUND",
      message: /^storage cloud, bucket no-such-bucket: trying to list: there is no such bucket/,
    });
  });

  test("a bucket that may only be read, before the run and in it", async () => {
    const reader = await addUser(server);
    const { storage, bucket, root } = await reached({ credentials: reader });
    await assert.rejects(storage.prepare(), {
      code: "STORAGE_FORBIDDEN",
      message: /lack the right: it takes s3:ListBucket/,
    });
    await allow(root.client, bucket, reader.accessKeyId, ["s3:ListBucket", "s3:GetObject"]);
    await assert.rejects(storage.prepare(), {
      code: "STORAGE_FORBIDDEN",
      message: new RegExp(`^storage cloud, bucket ${bucket}: trying to store: .*it takes s3:PutObject`),
    });
    await assert.rejects(storage.put("job/a.bin", bytesOf("a")), {
      code: "STORAGE_FORBIDDEN",
      message: /: storing job\/a\.bin: .*it takes s3:PutObject/,
    });
    await root.storage.put("job/a.bin", bytesOf("a"));
    assert.deepEqual(await storage.head("job/a.bin"), { key: "job/a.bin", bytes: 1 });
    await assert.rejects(storage.remove(["job/a.bin"]), {
      code: "STORAGE_FORBIDDEN",
      message: /it takes s3:DeleteObject/,
    });
  });

  test("a watch goes by the right to read", async () => {
    const reader = await addUser(server);
    const { storage, bucket, root } = await reached({ credentials: reader });
    await allow(root.client, bucket, reader.accessKeyId, ["s3:ListBucket", "s3:GetObject"]);
    const jobs = [aJob({ schedule: "0 3 * * *" })];
    const a = aBackup({ storage: root.storage, jobs });
    const look = async () =>
      (await watch({ ...a.backup, storage: async () => storage }, jobs, { dryRun: false })).jobs[0];
    assert.deepEqual((await look())?.notices.length, 1, "it was never run");
    await runJobs(a.backup, ["docs"]);
    assert.deepEqual([(await look())?.ok, (await look())?.snapshot], [true, "2026-11-22T030000Z"]);
    a.later(3 * 86_400);
    assert.deepEqual(
      (await look())?.problems.map(({ code }) => code),
      ["JOB_LATE"],
    );
  });

  test("unfinished uploads that may not be looked for: no job is taken over then, and all else goes on", async () => {
    const writer = await addUser(server);
    const { storage, bucket, root } = await reached({ credentials: writer });
    const rights = ["s3:ListBucket", "s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"];
    await allow(root.client, bucket, writer.accessKeyId, rights);
    await storage.prepare();
    await assert.rejects(storage.prepare("job/"), {
      code: "STORAGE_FORBIDDEN",
      message: new RegExp(`^storage cloud, bucket ${bucket}: .*it takes s3:ListBucketMultipartUploads`),
    });
  });

  test("a store that does not list unfinished uploads, or breaks off: no run begins there, and who only looks goes on", async () => {
    await using between = await standBetween(server.endpoint);
    const { storage } = await reached({ endpoint: between.endpoint });
    const answers = {
      "it does not know the question": [501, "<Error><Code>NotImplemented</Code><Message>no</Message></Error>"],
      "it has more, and does not say where": [200, moreUploads("")],
      "it goes on where it was": [200, moreUploads("<NextKeyMarker>a</NextKeyMarker>")],
    } as const;
    for (const [what, [status, body]] of Object.entries(answers)) {
      between.meddle = (call) =>
        /^GET .*[?&]uploads/.test(call)
          ? { do: "answer", status, headers: { "content-type": "application/xml" }, body }
          : undefined;
      await assert.rejects(storage.prepare("job/"), { code: "STORAGE_FAILED" }, what);
      await storage.prepare();
    }
  });

  test("an upload that may not be begun, or not be abandoned, before the run: the right for it is named", async () => {
    await using between = await standBetween(server.endpoint);
    const { storage, bucket, root } = await reached({ endpoint: between.endpoint });
    const body = "<Error><Code>AccessDenied</Code><Message>no</Message></Error>";
    for (const [call, says] of [
      [/^POST .*[?]uploads=/, "beginning to store job/.core-backup-tmp-probe: .*it takes s3:PutObject"],
      [/^PUT .*partNumber=/, "storing job/.core-backup-tmp-probe, part 1: .*it takes s3:PutObject"],
      [/^POST .*[?]uploadId=/, "trying to store in parts under a condition: .*it takes s3:PutObject"],
      [
        /^DELETE .*[?]uploadId=/,
        "an unfinished upload of job/.core-backup-tmp-probe .*it takes s3:AbortMultipartUpload",
      ],
    ] as const) {
      between.meddle = (made) => (call.test(made) ? { do: "answer", status: 403, body } : undefined);
      await assert.rejects(storage.prepare("job/"), {
        code: "STORAGE_FORBIDDEN",
        message: new RegExp(`^storage cloud, bucket ${bucket}: ${says}`),
      });
    }
    between.meddle = () => undefined;
    await storage.prepare("job/");
    assert.deepEqual(await root.leftovers?.(), []);
  });

  test("what is absent is, where AWS answers 403 since only a listing of the prefix is allowed", async () => {
    await using between = await standBetween(server.endpoint);
    const { storage, root } = await reached({ endpoint: between.endpoint });
    await root.storage.put("job/a.bin.more", bytesOf("a"));
    const body = '<?xml version="1.0"?><Error><Code>AccessDenied</Code><Message>no</Message></Error>';
    between.meddle = (call) =>
      /^(HEAD|GET) .*a[.]bin/.test(call) && !call.includes("list-type")
        ? { do: "answer", status: 403, ...(call.startsWith("HEAD") ? {} : { body }) }
        : undefined;
    assert.equal(await storage.head("job/a.bin"), undefined);
    await assert.rejects(storage.get("job/a.bin"), { code: "NOT_FOUND" });
    await assert.rejects(storage.read("job/a.bin", 100), { code: "NOT_FOUND" });
    await assert.rejects(storage.head("job/a.bin.more"), { code: "STORAGE_FORBIDDEN" });
    await assert.rejects(storage.read("job/a.bin.more", 100), { code: "STORAGE_FORBIDDEN" });
  });

  test("an object that may be listed and not be read is no absent object", async () => {
    const lister = await addUser(server);
    const { storage, bucket, root } = await reached({ credentials: lister });
    await root.storage.put("job/a.bin", bytesOf("a"));
    await allow(root.client, bucket, lister.accessKeyId, ["s3:ListBucket"]);
    await assert.rejects(storage.head("job/a.bin"), { code: "STORAGE_FORBIDDEN", message: /it takes s3:GetObject/ });
    await assert.rejects(storage.get("job/a.bin"), { code: "STORAGE_FORBIDDEN" });
  });

  /** What this server does not say by itself, in the words of AWS. */
  const answers: readonly [string, number, string, string, RegExp][] = [
    ["an expired session token", 400, "ExpiredToken", "STORAGE_UNAUTHORIZED", /the session token has expired/],
    ["a session token that is none", 400, "InvalidToken", "STORAGE_UNAUTHORIZED", /the session token is not valid/],
    ["a clock that is off", 403, "RequestTimeTooSkewed", "STORAGE_CLOCK", /this machine's clock differs/],
    ["a bucket of another region", 301, "PermanentRedirect", "STORAGE_REGION", /set region: eu-west-3/],
    ["a key of KMS that may not be used", 400, "KMS.DisabledException", "STORAGE_FORBIDDEN", /lack the right/],
    ["a quota that is used up", 403, "QuotaExceeded", "STORAGE_FULL", /QuotaExceeded/],
  ];
  for (const [what, status, code, becomes, message] of answers) {
    test(`${what}, before the run, in it, and where the answer has no body`, async () => {
      await using between = await standBetween(server.endpoint);
      const { storage, bucket } = await reached({ endpoint: between.endpoint });
      const body = `<?xml version="1.0"?><Error><Code>${code}</Code><Message>no</Message></Error>`;
      between.meddle = (call) => ({
        do: "answer",
        status,
        headers: { "x-amz-bucket-region": "eu-west-3" },
        ...(call.startsWith("HEAD") ? {} : { body }),
      });
      const refusal = (error: Error & { code?: string }) => {
        assert.equal(error.code, becomes);
        assert.ok(error.message.startsWith(`storage cloud, bucket ${bucket}: `), error.message);
        assert.match(error.message, message);
        return true;
      };
      await assert.rejects(storage.prepare(), refusal);
      await assert.rejects(storage.put("job/a.bin", bytesOf("a")), refusal);
      await assert.rejects(storage.head("job/a.bin"), refusal);
    });
  }

  test("a server that is not there", async () => {
    const { storage, bucket } = await reached({ endpoint: "http://127.0.0.1:9" });
    await assert.rejects(storage.prepare(), {
      name: "TransientError",
      message: new RegExp(`^storage cloud, bucket ${bucket}: trying to list: nothing answers there`),
    });
  });
});

async function allow(client: S3Client, bucket: string, user: string, actions: string[]) {
  const Resource = [`arn:aws:s3:::${bucket}`, `arn:aws:s3:::${bucket}/*`];
  const statements = actions.map((Action) => ({
    Effect: "Allow",
    Principal: { AWS: [user] },
    Action,
    Resource: Action === "s3:ListBucket" ? Resource[0] : Resource[1],
  }));
  const Policy = JSON.stringify({ Version: "2012-10-17", Statement: statements });
  await client.send(new PutBucketPolicyCommand({ Bucket: bucket, Policy }));
}
