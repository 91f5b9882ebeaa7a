import assert from "node:assert/strict";
import { test } from "node:test";
import { bytesOf } from "../../../../lib/bytes.ts";
import { accountChoice } from "../../../../lib/connectors/github/choose-account.ts";
import { fileItem } from "../../../../lib/connectors/github/file-item.ts";
import { type LfsPlace, lfsPlaces, placeFault } from "../../../../lib/connectors/github/lfs-batch.ts";
import { collected, sha256 } from "../../../support/bytes.ts";
import { aGithubAccount } from "../../../support/github-account.ts";
import { startRecordingServer } from "../../../support/recording-server.ts";

const oid = (n: number): string => sha256(Buffer.from([n]));
const pointers = [1, 2, 3, 4].map((n) => ({ oid: oid(n), size: n }));

/** What follows from one answer of the batch API, for each of four objects. */
async function placesFor(answer: (asked: readonly string[], origin: string) => { status?: number; objects?: unknown }) {
  await using server = await startRecordingServer((call) => {
    const { objects } = JSON.parse(call.body);
    const { status = 200, ...body } = answer(
      objects.map((one: { oid: string }) => one.oid),
      server.url,
    );
    return { status, body: JSON.stringify(body) };
  });
  const choice = accountChoice([aGithubAccount()], { key: "", nowMs: () => 0 });
  const signal = new AbortController().signal;
  return await lfsPlaces(`${server.url}/o/r.git`, { choice, signal, mayTryAgain: async () => false }, pointers);
}

const stateOf = (place: LfsPlace): unknown => ("code" in place ? (place.code ?? "unknown") : place.url);

test("an odd object in a batch's answer leaves the others alone, and null stands for what is left out", async () => {
  const href = "https://storage.example/1";
  const places = await placesFor(() => ({
    objects: [
      { oid: oid(1), error: null, actions: { download: { href, header: null }, verify: null } },
      { oid: oid(2), actions: { download: { href: "/relative" } } },
      { oid: oid(3), actions: null, error: { code: 404 } },
      "odd",
      { oid: oid(4), actions: { download: { href, header: { "a\nb": "c" } } } },
    ],
  }));
  assert.deepEqual(places.map(stateOf), [href, "unknown", 404, "unknown"]);
});

test("what is said of one object passes, or is a last word", () => {
  const faultOf = (code: number) => {
    const { name, code: said } = placeFault({ oid: oid(1), code, message: "" }, "it");
    return [name, said];
  };
  assert.deepEqual(faultOf(429), ["TransientError", "SOURCE_RATE_LIMITED"]);
  assert.deepEqual(faultOf(503), ["TransientError", "SOURCE_UNAVAILABLE"]);
  assert.deepEqual(faultOf(507), ["SourceError", "SOURCE_FORBIDDEN"]);
});

test("a file of this machine is no place to download from", async () => {
  const places = await placesFor((asked) => ({
    objects: asked.map((one) => ({ oid: one, actions: { download: { href: "file:///etc/passwd" } } })),
  }));
  assert.deepEqual(new Set(places.map(stateOf)), new Set(["unknown"]));
});

test("credentials that the server names are sent in the place of ours, which go to no other host", async () => {
  const header = { Authorization: "RemoteAuth x" };
  const places = await placesFor((_, origin) => ({
    objects: [
      { oid: oid(1), actions: { download: { href: `${origin}/1`, header } } },
      { oid: oid(2), actions: { download: { href: `${origin}/2` } } },
      { oid: oid(3), actions: { download: { href: "https://storage.example/3" } } },
      { oid: oid(4), actions: { download: { href: "https://storage.example/4", header } } },
    ],
  }));
  const sent = places.map((place) => ("code" in place ? undefined : place.headers.authorization));
  assert.deepEqual(sent, ["RemoteAuth x", "Basic t", undefined, "RemoteAuth x"]);
});

test("an object that a server does not accept does not keep it from telling of the others", async () => {
  const asked: number[] = [];
  const places = await placesFor((some) => {
    asked.push(some.length);
    if (some.includes(oid(3))) return { status: 422 };
    return { objects: some.map((one) => ({ oid: one, actions: { download: { href: "https://storage.example/a" } } })) };
  });
  const there = "https://storage.example/a";
  assert.deepEqual(places.map(stateOf), [there, there, 422, there]);
  assert.deepEqual(asked, [4, 2, 2, 1, 1]);
});

test("an object whose digest is right is whole, whatever size its pointer says", async () => {
  const content = Buffer.from("content");
  const item = (bytes: number, digest: string) =>
    fileItem({
      name: "a.bin",
      what: "it",
      bytes,
      sha256: digest,
      isByDigest: true,
      facts: {},
      unchanged: false,
      open: () => bytesOf(content),
    });
  const right = item(5, sha256(content));
  assert.deepEqual(await collected(right.open()), content);
  assert.equal(right.facts?.()?.bytes, content.length);
  await assert.rejects(collected(item(5, oid(1)).open()), { code: "SOURCE_TRUNCATED" });
  await assert.rejects(collected(item(content.length, oid(1)).open()), { code: "SOURCE_CORRUPT" });
});
