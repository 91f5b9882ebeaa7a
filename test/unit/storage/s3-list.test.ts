import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { S3Client } from "@aws-sdk/client-s3";
import * as fc from "fast-check";
import { inUtf16Order } from "../../../lib/storage/s3/key-order.ts";
import { s3Storage } from "../../../lib/storage/s3/s3.ts";
import { silentLog } from "../../support/logs.ts";

/** A storage whose bucket answers each request with the next of these. */
async function answering(...answers: readonly string[]) {
  let calls = 0;
  const server = createServer((_, response) => {
    response.end(answers[Math.min(calls, answers.length - 1)]);
    calls += 1;
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { signal } = new AbortController();
  const client = new S3Client({
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    region: "us-east-1",
    forcePathStyle: true,
    maxAttempts: 1,
    credentials: { accessKeyId: "a", secretAccessKey: "b" },
  });
  const retry = { attempts: 1, baseMs: 1, maxMs: 1, signal };
  const storage = s3Storage({
    client,
    name: "s3",
    bucket: "b",
    prefix: "p/",
    objects: {},
    retry,
    signal,
    log: silentLog,
    now: () => new Date(),
  });
  return {
    storage,
    async [Symbol.asyncDispose]() {
      client.destroy();
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

const page = (keys: readonly string[], end = "<IsTruncated>false</IsTruncated>") =>
  `<?xml version="1.0"?><ListBucketResult>${end}${keys.map((key) => `<Contents><Key>${key}</Key><Size>1</Size></Contents>`).join("")}</ListBucketResult>`;

const CUT = "<IsTruncated>true</IsTruncated>";
const more = (token: string) => `${CUT}<NextContinuationToken>${token}</NextContinuationToken>`;

const doubtful: readonly [string, readonly string[], RegExp][] = [
  ["a login page", ["<html><body>Please log in</body></html>"], /is no listing/],
  ["a page that is cut and does not say where it goes on", [page(["p/a"], CUT)], /does not say where it goes on/],
  [
    "a page that leads to itself",
    [page(["p/a"], more("1")), page(["p/b"], more("1"))],
    /does not say where it goes on/,
  ],
  ["keys that are not in order", [page(["p/b", "p/a"])], /not in order/],
  [
    "a second page that begins before the first one's end",
    [page(["p/a", "p/c"], more("1")), page(["p/b"])],
    /not in order/,
  ],
  ["a key of somewhere else", [page(["q/a"])], /was not asked for/],
];
for (const [what, answers, message] of doubtful) {
  test(`${what} is no listing, and throws rather than be partial`, async () => {
    await using subject = await answering(...answers);
    await assert.rejects(Array.fromAsync(subject.storage.list("")), { name: "StorageError", message });
  });
}

test("pages are followed to the last, and what can be no key of ours is passed over", async () => {
  await using subject = await answering(
    page(["p/", "p/.core-backup-tmp-probe", "p/a"], more("1")),
    page(["p/b/", "p/b//c"], more("2")),
    page(["p/d"]),
  );
  const keys = (await Array.fromAsync(subject.storage.list(""))).map(({ key }) => key);
  assert.deepEqual(keys, ["a", "d"]);
});

test("keys in the order of their bytes come out in the order of their UTF-16 units", async () => {
  const character = fc.constantFrom("a", "b", "/", "é", "\u{FFFD}", "\u{E000}", "\u{1F600}", "\u{10FFFF}", "~");
  const key = fc.array(character, { maxLength: 6 }).map((characters) => `pre${characters.join("")}`);
  await fc.assert(
    fc.asyncProperty(fc.uniqueArray(key), async (keys) => {
      const listed = keys.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
      const source = (async function* () {
        yield* listed;
      })();
      assert.deepEqual(await Array.fromAsync(inUtf16Order(source, (one) => one, 3)), [...keys].sort());
    }),
  );
});
