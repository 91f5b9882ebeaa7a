import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { GetObjectTaggingCommand, HeadObjectCommand, ListObjectVersionsCommand } from "@aws-sdk/client-s3";
import { measureAll } from "../../lib/bytes.ts";
import { describeObject } from "../../lib/storage/s3/head.ts";
import { type S3Sizes, s3Storage } from "../../lib/storage/s3/s3.ts";
import { at, type ObjectSettings, type S3Store } from "../../lib/storage/s3/store.ts";
import { standBetween } from "../support/between.ts";
import { pattern, patternBytes, sha256 } from "../support/bytes.ts";
import { recordingLog } from "../support/logs.ts";
import { noMinistack, noVersitygw, type S3Server, startMinistack, startVersitygw } from "../support/s3-server.ts";
import { storeOnS3 } from "../support/s3-store.ts";

const MiB = 1024 * 1024;
const SIZES: S3Sizes = { part: () => 5 * MiB, copyPart: 5 * MiB };
const DAY_MS = 86_400_000;
const LARGE = 12 * MiB;
const COMPLETING = /^POST .*[?]uploadId=/;

const headOf = ({ client, ...store }: S3Store, key: string) =>
  client.send(new HeadObjectCommand(at({ client, ...store }, key)));

/** A small put, a multipart one, and a copy of each: every way in which an object comes to be. */
async function everyWay(server: S3Server, objects: ObjectSettings) {
  const subject = await storeOnS3(server, { objects }, SIZES);
  const { storage } = subject;
  await storage.put("job/small.bin", pattern(1_000));
  await storage.put("job/large.bin", pattern(LARGE));
  await storage.copy("job/small.bin", "job/small-copy.bin");
  await storage.copy("job/large.bin", "job/large-copy.bin");
  for (const [key, bytes] of [
    ["small", 1_000],
    ["small-copy", 1_000],
    ["large", LARGE],
    ["large-copy", LARGE],
  ] as const) {
    const { sha256: is } = await measureAll(await storage.get(`job/${key}.bin`));
    assert.equal(is, sha256(patternBytes(bytes)), key);
  }
  return { subject, keys: ["small", "large", "small-copy", "large-copy"].map((name) => `job/${name}.bin`) };
}

describe("s3 settings, on MiniStack", { skip: noMinistack }, () => {
  let server: S3Server;
  before(async () => {
    server = await startMinistack();
  });
  after(() => server[Symbol.asyncDispose]());

  test("storage class and encryption by the store are on every object, copies included", async () => {
    const { subject, keys } = await everyWay(server, { storageClass: "STANDARD_IA", sse: "AES256" });
    for (const key of keys) {
      const head = await headOf(subject.store, key);
      assert.equal(head.StorageClass, "STANDARD_IA", key);
      assert.equal(head.ServerSideEncryption, "AES256", key);
    }
  });

  test("a KMS key is on every object", async () => {
    const { subject, keys } = await everyWay(server, { sse: "aws:kms", kmsKey: "alias/backups" });
    for (const key of keys) {
      const head = await headOf(subject.store, key);
      assert.deepEqual([head.ServerSideEncryption, head.SSEKMSKeyId], ["aws:kms", "alias/backups"], key);
    }
  });

  for (const [what, passedOver] of [
    ["conditions", ["if-none-match", "if-match"]],
    ["If-Match alone", ["if-match"]],
    ["If-None-Match alone", ["if-none-match"]],
  ] as const) {
    test(`a store that passes over ${what} is told of, and conditions are looked at beforehand`, async () => {
      await using between = await standBetween(server.endpoint);
      // MiniStack compares no signature, so a header can be taken out on the way.
      between.meddle = (call) => ({
        do: "rewrite",
        request: (headers) => {
          if (call.startsWith("GET")) return headers;
          return Object.fromEntries(
            Object.entries(headers).filter(([name]) => !passedOver.some((one) => one === name)),
          );
        },
      });
      const { log, lines } = recordingLog();
      await using subject = await storeOnS3({ ...server, endpoint: between.endpoint }, { log }, SIZES);
      const { storage } = subject;
      assert.equal(lines.filter((line) => /^warn.*does not heed conditions/.test(line)).length, 1, lines.join("\n"));
      const { version } = await storage.put("a.json", pattern(10), { ifAbsent: true });
      await assert.rejects(storage.put("a.json", pattern(11), { ifAbsent: true }), { code: "STORAGE_EXISTS" });
      await assert.rejects(storage.put("a.json", pattern(LARGE), { ifAbsent: true }), { code: "STORAGE_EXISTS" });
      await storage.put("a.json", pattern(12), { ifMatch: version });
      await assert.rejects(storage.put("a.json", pattern(13), { ifMatch: version }), { code: "STORAGE_CHANGED" });
      assert.equal((await storage.head("a.json"))?.bytes, 12);
    });
  }

  for (const [what, way, passing, asked] of [
    ["in one request and not at the end of an upload", "puts one together from its parts", COMPLETING, [0, 2]],
    ["at the end of an upload and not in one request", "stores an object in one request", /^PUT /, [1, 1]],
  ] as const) {
    test(`of a store that heeds conditions ${what} it is said which it lacks, and there alone the object is looked at beforehand`, async () => {
      await using between = await standBetween(server.endpoint);
      between.meddle = (call) =>
        passing.test(call)
          ? { do: "rewrite", request: ({ "if-none-match": _, "if-match": __, ...headers }) => headers }
          : undefined;
      const { log, lines } = recordingLog();
      await using subject = await storeOnS3({ ...server, endpoint: between.endpoint }, { log }, SIZES);
      const { storage } = subject;
      await storage.prepare("job/");
      await storage.prepare("job/");
      assert.deepEqual(await subject.leftovers(), []);
      assert.deepEqual(await Array.fromAsync(storage.list("")), []);
      const warned = lines.filter((line) => /^warn.*does not heed conditions/.test(line));
      assert.equal(warned.length, 1, lines.join("\n"));
      assert.ok(warned[0]?.includes(`when it ${way} (`) && !warned[0].includes(" and when "), warned[0]);
      const looks = async (bytes: number) => {
        const before = between.calls.length;
        await storage.put(`${bytes}.bin`, pattern(bytes), { ifAbsent: true });
        return between.calls.slice(before).filter((call) => call.startsWith("HEAD ")).length;
      };
      // One is for the bytes of an upload, which nobody sends for nothing.
      assert.deepEqual([await looks(10), await looks(LARGE)], asked);
      for (const bytes of [10, LARGE])
        await assert.rejects(storage.put(`${bytes}.bin`, pattern(bytes), { ifAbsent: true }), {
          code: "STORAGE_EXISTS",
        });
    });
  }

  test("where neither a checksum nor the ETag confirms, as with KMS on an old server, what is held is read back", async () => {
    await using between = await standBetween(server.endpoint);
    between.meddle = () => ({
      do: "rewrite",
      request: (headers) => {
        const { "if-match": etag } = headers;
        return etag === undefined ? headers : { ...headers, "if-match": etag.replace('"kms-', '"') };
      },
      answer: ({ "x-amz-checksum-crc32": _, ...headers }) =>
        headers.etag === undefined ? headers : { ...headers, etag: headers.etag.replace(/^"/, '"kms-') },
    });
    await using subject = await storeOnS3({ ...server, endpoint: between.endpoint }, {}, SIZES);
    const { version } = await subject.storage.put("a.bin", pattern(1_000));
    assert.match(version, /kms-/);
    assert.equal(between.calls.filter((call) => /^GET .*a\.bin/.test(call)).length, 1);
  });

  for (const [what, check, meets] of [
    ["is removed", async () => {}, [true]],
    ["is removed after a look where the store knows no conditions of removals", async () => {}, [true, false]],
    ["stays where it has been replaced meanwhile", "replace", [true]],
    ["stays where it has been replaced, which that look shows", "replace", [true]],
    ["stays where the lease is lost meanwhile", () => Promise.reject(new Error("lost")), []],
  ] as const) {
    test(`what was read back as other bytes than were sent ${what}`, async () => {
      await using between = await standBetween(server.endpoint);
      await using other = await storeOnS3(server, {}, SIZES);
      const removals: boolean[] = [];
      between.meddle = (call, headers) => {
        const isConditional = headers["if-match"] !== undefined;
        if (call.startsWith("DELETE ") && call.includes("a.bin")) removals.push(isConditional);
        if (call.startsWith("DELETE ") && isConditional && what.includes("look"))
          return { do: "answer", status: 501, body: "<Error><Code>NotImplemented</Code></Error>" };
        if (call.startsWith("GET ") && call.includes("a.bin"))
          return {
            do: "answer",
            status: 206,
            headers: { "content-range": "bytes 0-999/1000", "content-length": "1000" },
            body: "x".repeat(1_000),
          };
        return {
          do: "rewrite",
          request: (sent) => {
            const { "if-match": etag } = sent;
            return etag === undefined ? sent : { ...sent, "if-match": etag.replace('"kms-', '"') };
          },
          answer: ({ "x-amz-checksum-crc32": _, ...answered }) =>
            answered.etag === undefined ? answered : { ...answered, etag: answered.etag.replace(/^"/, '"kms-') },
        };
      };
      await using subject = await storeOnS3({ ...server, endpoint: between.endpoint }, {}, SIZES);
      const direct = s3Storage({ ...subject.store, client: other.store.client }, SIZES);
      const put = subject.storage.put("a.bin", pattern(1_000), {
        check: check === "replace" ? async () => void (await direct.put("a.bin", pattern(7))) : check,
      });
      await assert.rejects(put, what.includes("lease") ? /^Error: lost$/ : { code: "INTEGRITY_MISMATCH" });
      assert.deepEqual(removals, meets);
      const left = (await direct.head("a.bin"))?.bytes;
      assert.equal(left, what.startsWith("is removed") ? undefined : check === "replace" ? 7 : 1_000);
    });
  }

  test("a probe that another process removes meanwhile makes no store without conditions", async () => {
    await using between = await standBetween(server.endpoint);
    // As if it were absent each time.
    between.meddle = (call) =>
      /^PUT [^?]*-probe[?]/.test(call)
        ? { do: "rewrite", request: ({ "if-none-match": _, ...headers }) => headers }
        : undefined;
    const { log, lines } = recordingLog();
    await using subject = await storeOnS3({ ...server, endpoint: between.endpoint }, { log }, SIZES);
    assert.ok(between.calls.some((call) => /^PUT [^?]*-probe[?]/.test(call)));
    assert.deepEqual(
      lines.filter((line) => line.startsWith("warn")),
      [],
    );
    assert.deepEqual(await Array.fromAsync(subject.storage.list("")), []);
    await subject.storage.put("a.json", pattern(10));
    const before = between.calls.length;
    await assert.rejects(subject.storage.put("a.json", pattern(11), { ifAbsent: true }), { code: "STORAGE_EXISTS" });
    assert.deepEqual(
      between.calls.slice(before).filter((call) => call.startsWith("HEAD ")),
      [],
    );
  });

  test("a store that has no conditions is told of, and stores all the same", async () => {
    await using between = await standBetween(server.endpoint);
    between.meddle = (_, headers) =>
      headers["if-none-match"] === undefined && headers["if-match"] === undefined
        ? undefined
        : { do: "answer", status: 501, body: "<Error><Code>NotImplemented</Code></Error>" };
    const { log, lines } = recordingLog();
    await using subject = await storeOnS3({ ...server, endpoint: between.endpoint }, { log }, SIZES);
    assert.ok(
      lines.some((line) => /does not heed conditions/.test(line)),
      lines.join("\n"),
    );
    await subject.storage.put("a.json", pattern(10), { ifAbsent: true });
    await assert.rejects(subject.storage.put("a.json", pattern(11), { ifAbsent: true }), { code: "STORAGE_EXISTS" });
  });

  test("a single answer of 501 switches conditions off only where nobody has seen yet that they work, and is told", async () => {
    await using between = await standBetween(server.endpoint);
    const { log, lines } = recordingLog();
    await using subject = await storeOnS3({ ...server, endpoint: between.endpoint }, { log }, SIZES);
    let refusals = 1;
    const seen: boolean[] = [];
    between.meddle = (call, headers) => {
      if (!call.startsWith("PUT")) return undefined;
      seen.push(headers["if-none-match"] === "*");
      if (refusals === 0) return undefined;
      refusals -= 1;
      return { do: "answer", status: 501, body: "<Error><Code>NotImplemented</Code></Error>" };
    };
    await assert.rejects(subject.storage.put("a.json", pattern(10), { ifAbsent: true }), { code: "STORAGE_FAILED" });
    assert.equal(await subject.storage.head("a.json"), undefined);
    await subject.storage.put("a.json", pattern(10), { ifAbsent: true });
    assert.deepEqual(seen, [true, true]);
    assert.ok(!lines.some((line) => /does not heed conditions/.test(line)));
    refusals = 1;
    await s3Storage(subject.store, SIZES).put("b.json", pattern(10), { ifAbsent: true });
    assert.deepEqual(seen, [true, true, true, false]);
    assert.equal(lines.filter((line) => /^warn.*does not heed conditions/.test(line)).length, 1, lines.join("\n"));
  });

  test("a store without removal of many at once removes one by one", async () => {
    await using between = await standBetween(server.endpoint);
    between.meddle = (call) =>
      /^POST .*\?delete/.test(call)
        ? { do: "answer", status: 501, body: "<Error><Code>NotImplemented</Code></Error>" }
        : undefined;
    await using subject = await storeOnS3({ ...server, endpoint: between.endpoint }, {}, SIZES);
    for (const key of ["a", "b", "c"]) await subject.storage.put(key, pattern(1));
    await subject.storage.remove(["a", "c", "absent"]);
    assert.deepEqual(
      (await Array.fromAsync(subject.storage.list(""))).map(({ key }) => key),
      ["b"],
    );
  });
});

describe("s3 settings, on versitygw", { skip: noVersitygw }, () => {
  let server: S3Server;
  before(async () => {
    server = await startVersitygw();
  });
  after(() => server[Symbol.asyncDispose]());

  // MiniStack forgets those of a multipart upload.
  test("tags are on every object, copies included", async () => {
    const { subject, keys } = await everyWay(server, { tags: { owner: "ops/co @home", tier: "gold" } });
    for (const key of keys) {
      const { TagSet } = await subject.client.send(new GetObjectTaggingCommand(at(subject.store, key)));
      const tags = Object.fromEntries((TagSet ?? []).map(({ Key, Value }) => [Key, Value]));
      assert.deepEqual(tags, { owner: "ops/co @home", tier: "gold" }, key);
    }
  });

  test("retention is set on every object, copies included, and head tells it", async () => {
    const { subject, keys } = await everyWay(server, { lock: { mode: "COMPLIANCE", days: 30 } });
    for (const key of keys) {
      const head = await headOf(subject.store, key);
      assert.equal(head.ObjectLockMode, "COMPLIANCE", key);
      const days = ((head.ObjectLockRetainUntilDate?.getTime() ?? 0) - Date.now()) / DAY_MS;
      assert.ok(days > 29.9 && days <= 30, `${key}: ${days}`);
      assert.match((await subject.storage.head(key))?.lock ?? "", /^locked until \d{4}-/);
    }
  });

  test("a lock that the answer does not tell of, as without the right, is asked for by itself", async () => {
    const { subject, keys } = await everyWay(server, { lock: { mode: "GOVERNANCE", days: 1 } });
    subject.client.middlewareStack.add(
      (next) => async (args) => {
        const { output, response } = await next(args);
        return { output: { ...output, ObjectLockMode: undefined, ObjectLockRetainUntilDate: undefined }, response };
      },
      { step: "initialize" },
    );
    for (const key of keys) assert.match((await subject.storage.head(key))?.lock ?? "", /^locked until \d{4}-/);
    subject.client.middlewareStack.add(
      (next, { commandName }) =>
        (args) => {
          if (commandName !== "GetObjectRetentionCommand") return next(args);
          throw Object.assign(new Error("Access Denied"), { name: "AccessDenied", $metadata: { httpStatusCode: 403 } });
        },
      { step: "initialize", name: "without the right" },
    );
    assert.match((await subject.storage.head(keys[0] ?? ""))?.lock ?? "", /^perhaps locked.*s3:GetObjectRetention/);
    subject.client.middlewareStack.remove("without the right");
    const free = s3Storage({ ...subject.store, objects: {} });
    await free.put("job/before-locks", pattern(10));
    assert.equal((await subject.storage.head("job/before-locks"))?.lock, undefined);
  });

  test("a lock that has run out is none", async () => {
    const { subject, keys } = await everyWay(server, { lock: { mode: "GOVERNANCE", days: 1 } });
    const later = { ...subject.store, now: () => new Date(Date.now() + 2 * DAY_MS) };
    assert.equal((await describeObject(later, keys[0] ?? ""))?.lock, undefined);
  });

  test("what comes and goes, such as a lease, is not locked", async () => {
    const { subject } = await everyWay(server, { lock: { mode: "GOVERNANCE", days: 1 } });
    await subject.storage.put("job/.lease", pattern(10));
    assert.equal((await headOf(subject.store, "job/.lease")).ObjectLockMode, undefined);
  });

  test("removing leaves the bytes as an old version", async () => {
    const { subject, keys } = await everyWay(server, { lock: { mode: "GOVERNANCE", days: 1 } });
    await subject.storage.remove(keys);
    assert.deepEqual(await Array.fromAsync(subject.storage.list("")), []);
    const versions = await subject.client.send(new ListObjectVersionsCommand({ Bucket: subject.store.bucket }));
    const held = (versions.Versions ?? []).filter(({ Key }) => keys.some((key) => Key?.endsWith(key)));
    assert.equal(held.length, keys.length);
  });

  test("a bucket is tried with few requests, of which nothing stays and nothing is said", async () => {
    await using between = await standBetween(server.endpoint);
    const { log, lines } = recordingLog();
    await using subject = await storeOnS3({ ...server, endpoint: between.endpoint }, { log }, SIZES);
    for (const [owned, requests] of [
      [undefined, 6],
      ["job/", 12],
    ] as const) {
      const before = between.calls.length;
      await subject.storage.prepare(owned);
      const made = between.calls.slice(before);
      assert.equal(made.length, requests, made.join("\n"));
    }
    assert.deepEqual(await subject.leftovers(), []);
    assert.deepEqual(
      (await subject.client.send(new ListObjectVersionsCommand({ Bucket: subject.store.bucket }))).Versions ?? [],
      [],
    );
    assert.deepEqual(lines, []);
  });

  test("rights to see locks that are missing are named before a run, and only where there are to be locks", async () => {
    await using between = await standBetween(server.endpoint);
    const { log, lines } = recordingLog();
    const objects = { lock: { mode: "GOVERNANCE", days: 1 } } as const;
    await using subject = await storeOnS3({ ...server, endpoint: between.endpoint }, { log, objects }, SIZES);
    await subject.storage.prepare();
    assert.deepEqual(lines, []);
    const body = "<Error><Code>AccessDenied</Code><Message>no</Message></Error>";
    between.meddle = (call) =>
      /[?&](legal-hold|retention)/.test(call)
        ? { do: "answer", status: 403, headers: { "content-type": "application/xml" }, body }
        : undefined;
    await subject.storage.prepare();
    assert.equal(lines.length, 2);
    assert.match(lines[0] ?? "", /lack the right s3:GetObjectRetention: with them prune removes no snapshot/);
    assert.match(lines[1] ?? "", /lack the right s3:GetObjectLegalHold: with them prune does not see a legal hold/);
    await s3Storage({ ...subject.store, objects: {} }).prepare();
    assert.equal(lines.length, 2);
    assert.deepEqual(await subject.leftovers(), []);
  });

  test("a bucket without Object Lock is refused before the run", async () => {
    await using subject = await storeOnS3(server);
    const locking = s3Storage({ ...subject.store, objects: { lock: { mode: "GOVERNANCE", days: 1 } } });
    await assert.rejects(locking.prepare(), {
      code: "STORAGE_FORBIDDEN",
      message: /^storage s3, bucket .*: object_lock is set, but Object Lock is not enabled for the bucket/,
    });
  });
});
