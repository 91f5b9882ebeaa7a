import assert from "node:assert/strict";
import { after, afterEach, before, describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { CreateMultipartUploadCommand } from "@aws-sdk/client-s3";
import { type Bytes, measureAll, readAll } from "../../lib/bytes.ts";
import { type S3Sizes, s3Storage } from "../../lib/storage/s3/s3.ts";
import { at, type S3Store } from "../../lib/storage/s3/store.ts";
import type { Storage } from "../../lib/storage/storage.ts";
import { type Between, standBetween } from "../support/between.ts";
import { pattern, patternBytes, sha256 } from "../support/bytes.ts";
import { recordingLog } from "../support/logs.ts";
import { noVersitygw, type S3Server, startVersitygw } from "../support/s3-server.ts";
import { type S3Subject, storeOnS3 } from "../support/s3-store.ts";

const MiB = 1024 * 1024;
const LIMIT = 64 * MiB;
/** The least that S3 takes for a part that is not the last. */
const SIZES: S3Sizes = { part: () => 5 * MiB, copyPart: 5 * MiB };
/** With parts of that size: four on their way, and one that waits. */
const MOST_PARTS = 5;
/** Of 16 MiB each. */
const MOST_RANGES = 3;
const KEY = "job/2026-11-26/030000Z/unit/a.bin";
const COPY = "job/2026-11-27/030000Z/unit/a.bin";
const LARGE = patternBytes(17 * MiB);

async function* large(): Bytes {
  for (let start = 0; start < LARGE.byteLength; start += MiB) yield LARGE.subarray(start, start + MiB);
}

describe("s3, with faults between here and the server", { skip: noVersitygw }, () => {
  let server: S3Server;
  let between: Between;
  before(async () => {
    server = await startVersitygw();
    between = await standBetween(server.endpoint);
  });
  afterEach(() => {
    between.meddle = () => undefined;
  });
  after(async () => {
    await between[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  });

  const through = (changes: Partial<S3Store> = {}): Promise<S3Subject> =>
    storeOnS3({ ...server, endpoint: between.endpoint }, changes, SIZES);

  /** The fault, for the first `times` requests that match. */
  function first(times: number, matching: RegExp, meddling: ReturnType<Between["meddle"]>): { met: number } {
    const counted = { met: 0 };
    between.meddle = (call) => {
      if (!matching.test(call) || counted.met >= times) return undefined;
      counted.met += 1;
      return meddling;
    };
    return counted;
  }

  const isThere = async (storage: Storage) => sha256(await readAll(await storage.get(KEY), LIMIT)) === sha256(LARGE);

  for (const [what, meddling] of [
    ["a connection that is cut in the middle of a part", { do: "cut-request", afterBytes: 2 * MiB }],
    ["an answer to a part that is lost", { do: "lose-answer" }],
    ["a bit that is turned over in a part", { do: "flip", atByte: 3 * MiB }],
    ["a server that asks to slow down", { do: "answer", status: 503, body: "<Error><Code>SlowDown</Code></Error>" }],
    ["a server fault", { do: "answer", status: 500 }],
  ] as const) {
    test(`${what} passes: the part is sent again, and the object is whole`, async () => {
      await using subject = await through();
      const fault = first(2, /^PUT .*partNumber=2/, meddling);
      const confirmed = await subject.storage.put(KEY, large());
      assert.equal(fault.met, 2);
      assert.equal(confirmed.sha256, sha256(LARGE));
      assert.ok(await isThere(subject.storage));
      assert.deepEqual(await subject.leftovers(), []);
    });

    test(`${what}, again and again, fails the put and leaves nothing`, async () => {
      await using subject = await through();
      const fault = first(Infinity, /^PUT .*partNumber=2/, meddling);
      await assert.rejects(subject.storage.put(KEY, large()), {
        name: "TransientError",
        code: "STORAGE_FAILED",
        message: /part 2/,
      });
      assert.equal(fault.met, 3);
      assert.equal(await subject.storage.head(KEY), undefined);
      assert.deepEqual(await subject.leftovers(), []);
    });
  }

  test("of a store that takes no part a few are on their way, and no more of the body is read", async () => {
    await using subject = await through();
    const taken = Promise.withResolvers<void>();
    const sent = Promise.withResolvers<void>();
    let parts = 0;
    between.meddle = (call) => {
      if (!/^PUT .*partNumber=/.test(call)) return undefined;
      parts += 1;
      if (parts === MOST_PARTS) sent.resolve();
      return { do: "hold", until: taken.promise };
    };
    let given = 0;
    const body = (async function* (): Bytes {
      while (given < MOST_PARTS + 2) {
        given += 1;
        yield LARGE.subarray(0, 5 * MiB);
      }
    })();
    const putting = subject.storage.put(KEY, body);
    await sent.promise;
    // More that were on their way would have arrived by the end of this.
    assert.equal(await subject.storage.head(KEY), undefined);
    assert.deepEqual({ parts, given }, { parts: MOST_PARTS, given: MOST_PARTS });
    taken.resolve();
    assert.equal((await putting).bytes, (MOST_PARTS + 2) * 5 * MiB);
    assert.equal(parts, MOST_PARTS + 2);
  });

  test("a lost answer to the last request of an upload: the object is known to be ours", async () => {
    await using subject = await through();
    const fault = first(1, /^POST .*uploadId=/, { do: "lose-answer" });
    const confirmed = await subject.storage.put(KEY, large(), { ifAbsent: true });
    assert.deepEqual([fault.met, confirmed.sha256], [1, sha256(LARGE)]);
    assert.equal((await subject.storage.read(KEY, LIMIT)).version, confirmed.version);
    assert.deepEqual(await subject.leftovers(), []);
  });

  test("an answer to it that does not come in its time is not waited for any longer: the object is known to be ours", async () => {
    const silence = { usualMs: 60_000, assemblyMs: 1_000 };
    // However long it takes: it is asked again once the server has put the object together.
    const untilThere = async (): Promise<void> => {
      while ((await subject.storage.head(KEY)) === undefined) await delay(20);
    };
    const retry = { attempts: 3, baseMs: 1, maxMs: 1, signal: new AbortController().signal, sleep: untilThere };
    await using subject = await storeOnS3({ ...server, endpoint: between.endpoint }, { retry }, SIZES, silence);
    const fault = first(1, /^POST .*uploadId=/, { do: "keep-answer" });
    const confirmed = await subject.storage.put(KEY, large(), { ifAbsent: true });
    assert.deepEqual([fault.met, confirmed.sha256], [1, sha256(LARGE)]);
    assert.ok(await isThere(subject.storage));
    assert.deepEqual(await subject.leftovers(), []);
  });

  test("a lost answer to a small put with ifAbsent is no object of somebody else", async () => {
    await using subject = await through();
    const fault = first(1, /^PUT .*a\.bin/, { do: "lose-answer" });
    const confirmed = await subject.storage.put(KEY, pattern(1_000), { ifAbsent: true });
    assert.deepEqual([fault.met, confirmed.sha256], [1, sha256(patternBytes(1_000))]);
    await assert.rejects(subject.storage.put(KEY, pattern(1_000), { ifAbsent: true }), { code: "STORAGE_EXISTS" });
  });

  test("an object of somebody else is none of ours, although an answer was lost", async () => {
    const { signal } = new AbortController();
    const retry = {
      attempts: 3,
      baseMs: 1,
      maxMs: 1,
      signal,
      sleep: async () => void (await other.put(KEY, pattern(5))),
    };
    await using subject = await through({ retry });
    const other: Storage = subject.storage;
    first(1, /^PUT .*a\.bin/, { do: "answer", status: 500 });
    await assert.rejects(subject.storage.put(KEY, pattern(10), { ifAbsent: true }), { code: "STORAGE_EXISTS" });
    assert.equal((await subject.storage.read(KEY, LIMIT)).content.byteLength, 5);
  });

  test("a read whose connection is cut goes on at its byte", async () => {
    await using subject = await through();
    await subject.storage.put(KEY, large());
    const fault = first(4, /^GET .*a\.bin/, { do: "cut-answer", afterBytes: MiB });
    assert.ok(await isThere(subject.storage));
    assert.equal(fault.met, 4);
  });

  test("a read that is cut at its byte again and again ends with an error, never early", async () => {
    await using subject = await through();
    await subject.storage.put(KEY, large());
    first(Infinity, /^GET .*a\.bin/, { do: "cut-answer", afterBytes: 0 });
    await assert.rejects(measureAll(await subject.storage.get(KEY)), {
      name: "TransientError",
      message: /reading job/,
    });
  });

  test("an object that is replaced while it is read is an error, never a mixture", async () => {
    await using subject = await through();
    // Longer than what is fetched ahead.
    await subject.storage.put(KEY, pattern(65 * MiB));
    let replaced = false;
    const ranges = () => between.calls.filter((call) => call.startsWith("GET ") && call.includes(KEY)).length;
    const before = ranges();
    await assert.rejects(
      async () => {
        for await (const _ of await subject.storage.get(KEY)) {
          if (!replaced) await subject.storage.put(KEY, pattern(1_000));
          if (!replaced) assert.equal(ranges() - before, MOST_RANGES, "no more than these are held");
          replaced = true;
        }
      },
      { code: "STORAGE_CHANGED" },
    );
  });

  test("a server that asks for time gets it", async () => {
    const waits: number[] = [];
    const retry = {
      attempts: 3,
      baseMs: 1,
      maxMs: 1,
      signal: new AbortController().signal,
      sleep: async (ms: number) => void waits.push(ms),
    };
    await using subject = await through({ retry });
    first(1, /^PUT .*a\.bin/, { do: "answer", status: 503, headers: { "retry-after": "7" } });
    await subject.storage.put(KEY, pattern(10));
    assert.equal(waits.length, 1);
    assert.ok((waits[0] ?? 0) >= 7_000 && (waits[0] ?? 0) < 7_100, `${waits}`);
  });

  const isHead = (call: string) => call.startsWith("HEAD ") && call.includes(COPY);

  test("a copy of which the store tells another checksum than of its source is removed", async () => {
    await using subject = await through();
    await subject.storage.put(KEY, pattern(1_000));
    between.meddle = (call) =>
      isHead(call)
        ? { do: "rewrite", answer: (headers) => ({ ...headers, "x-amz-checksum-crc32": "AAAAAA==" }) }
        : undefined;
    await assert.rejects(subject.storage.copy(KEY, COPY), {
      code: "INTEGRITY_MISMATCH",
      message: `copying ${KEY} to ${COPY}: of 1000 bytes other bytes arrived`,
    });
    between.meddle = () => undefined;
    assert.equal(await subject.storage.head(COPY), undefined);
    assert.ok((await subject.storage.head(KEY)) !== undefined);
  });

  test("what another process has stored in the copy's place stays", async () => {
    await using subject = await through();
    await subject.storage.put(KEY, pattern(1_000));
    const others = { etag: '"of another process"', "x-amz-checksum-crc32": "AAAAAA==" };
    between.meddle = (call) =>
      isHead(call) ? { do: "rewrite", answer: (headers) => ({ ...headers, ...others }) } : undefined;
    const before = between.calls.length;
    await assert.rejects(subject.storage.copy(KEY, COPY), { code: "STORAGE_CHANGED" });
    assert.deepEqual(
      between.calls.slice(before).filter((call) => call.startsWith("DELETE ")),
      [],
    );
    between.meddle = () => undefined;
    assert.ok((await subject.storage.head(COPY)) !== undefined);
  });

  test("a copy of which the store tells nothing to compare is one that it has not confirmed", async () => {
    await using subject = await through();
    await subject.storage.put(KEY, pattern(1_000));
    between.meddle = (call) =>
      isHead(call)
        ? { do: "rewrite", answer: ({ "x-amz-checksum-crc32": _, ...headers }) => ({ ...headers, etag: '"other"' }) }
        : undefined;
    assert.deepEqual(await subject.storage.copy(KEY, COPY), { key: COPY, bytes: 1_000, unconfirmed: true });
  });

  test("an object of parts has the checksum of all its bytes, by which a copy in one request is confirmed", async () => {
    await using subject = await through();
    await subject.storage.put(KEY, large());
    const before = between.calls.length;
    assert.deepEqual(
      await s3Storage(subject.store, { ...SIZES, copyPart: LIMIT }).copy(KEY, COPY, { ifAbsent: true }),
      {
        key: COPY,
        bytes: LARGE.byteLength,
      },
    );
    const heads = between.calls.slice(before).filter((call) => call.startsWith("HEAD "));
    assert.equal(heads.length, 3, heads.join("\n"));
  });

  test("of a copy in parts the store tells another kind of checksum than of an upload, and the same as of the next copy", async () => {
    await using subject = await through();
    await subject.storage.put(KEY, large());
    const storage = (MiBs: number) => s3Storage(subject.store, { ...SIZES, copyPart: MiBs * MiB });
    const copied = { key: COPY, bytes: LARGE.byteLength };
    assert.deepEqual(await storage(6).copy(KEY, COPY), { ...copied, unconfirmed: true });
    assert.deepEqual(await storage(7).copy(COPY, `${COPY}.next`), { ...copied, key: `${COPY}.next` });
  });

  for (const [status, code] of [
    [501, "NotImplemented"],
    [400, "InvalidRequest"],
  ] as const) {
    test(`a store that answers ${code} to the type of checksum takes the upload without it`, async () => {
      await using subject = await through();
      let refused = 0;
      between.meddle = (_, headers) => {
        if (headers["x-amz-checksum-type"] === undefined) return undefined;
        refused += 1;
        return { do: "answer", status, body: `<Error><Code>${code}</Code></Error>` };
      };
      await subject.storage.put(KEY, large());
      assert.equal(refused, 1);
      assert.ok(await isThere(subject.storage));
      assert.deepEqual(await subject.leftovers(), []);
    });
  }

  test("a store that knows no checksums of copies copies without", async () => {
    await using subject = await through();
    await subject.storage.put(KEY, pattern(1_000));
    const refused: boolean[] = [];
    between.meddle = (_, headers) => {
      if (headers["x-amz-copy-source"] === undefined) return undefined;
      refused.push(headers["x-amz-checksum-algorithm"] !== undefined);
      return refused.at(-1) === true
        ? { do: "answer", status: 501, body: "<Error><Code>NotImplemented</Code></Error>" }
        : undefined;
    };
    assert.deepEqual(await subject.storage.copy(KEY, COPY, { ifAbsent: true }), { key: COPY, bytes: 1_000 });
    assert.deepEqual(refused, [true, false]);
  });

  test("a store that answers no checksum confirms by its ETags, and nothing is read back", async () => {
    await using subject = await through();
    between.meddle = () => ({ do: "rewrite", answer: ({ "x-amz-checksum-crc32": _, ...headers }) => headers });
    const confirmed = await subject.storage.put(KEY, large());
    await subject.storage.put("job/small.bin", pattern(1_000));
    const { bucket } = subject.store;
    assert.ok(!between.calls.some((call) => call.startsWith("GET") && call.includes(bucket) && call.includes(".bin")));
    assert.equal(confirmed.sha256, sha256(LARGE));
    assert.ok(await isThere(subject.storage));
  });
});

test("a server killed in the middle of an upload leaves no object, and the next run clears the upload away", {
  skip: noVersitygw,
}, async () => {
  await using server = await startVersitygw();
  const { log, lines } = recordingLog();
  await using subject = await storeOnS3(server, { log }, SIZES);
  const dying = (async function* (): Bytes {
    let given = 0;
    for await (const chunk of large()) {
      yield chunk;
      given += chunk.byteLength;
      if (given === 12 * MiB) await server.kill();
    }
  })();
  await assert.rejects(subject.storage.put(KEY, dying), { name: "TransientError" });
  assert.ok(
    lines.some((line) => /an upload that failed is left; the next run clears it away/.test(line)),
    lines.join("\n"),
  );
  await server.restart();
  assert.equal(await subject.storage.head(KEY), undefined);
  assert.deepEqual(await subject.leftovers(), [`some/backups/${KEY}`]);
  const { store, client } = subject;
  const killed = at(store, "job/.core-backup-tmp-probe");
  await client.send(new CreateMultipartUploadCommand(killed));
  await subject.storage.prepare("other/");
  assert.deepEqual(
    await subject.leftovers(),
    [killed.Key, `some/backups/${KEY}`],
    "another job's run leaves them alone",
  );
  await subject.storage.prepare("job/");
  assert.deepEqual(await subject.leftovers(), []);
  await subject.storage.put(KEY, large(), { ifAbsent: true });
  assert.equal((await measureAll(await subject.storage.get(KEY))).sha256, sha256(LARGE));
});
