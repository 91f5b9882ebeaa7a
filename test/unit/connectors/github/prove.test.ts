import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { bytesOf } from "../../../../lib/bytes.ts";
import type { Facts, ProofOptions, ProvenArtifact } from "../../../../lib/connectors/connector.ts";
import { proveGithub } from "../../../../lib/connectors/github/prove.ts";

const digest = (text: string) => createHash("sha256").update(text).digest("hex");
const prove = (contentType: string, text: string, facts: Facts, unit: ProofOptions["unit"] = []) =>
  proveGithub({ path: "my-org/app/x", contentType, facts }, bytesOf(text), {
    full: true,
    unit,
    signal: new AbortController().signal,
  });
const TWO = '{"id":1}\n{"of":1,"items":[{"id":2},{"id":3}]}\n';
const FACTS = { lines: 2, objects: 3, sha256: digest(TWO) };
const COLLECTED = JSON.stringify({
  schema: 1,
  identity: "repository:1",
  name: "a/b",
  kinds: { labels: { state: "READ" } },
});

test("JSON Lines are parsed, counted and compared", async () => {
  assert.deepEqual(await prove("application/jsonl", TWO, FACTS), { level: "full", detail: "3 objects in 2 lines" });
});

const wrong: readonly (readonly [what: string, type: string, text: string, facts: Facts, message: RegExp])[] = [
  ["a line that is gone", "application/jsonl", '{"id":1}\n', FACTS, /lines/],
  [
    "an object that is gone from its parent's line",
    "application/jsonl",
    TWO.replace(',{"id":3}', ""),
    FACTS,
    /objects/,
  ],
  ["one character that is another", "application/jsonl", TWO.replace('"id":2', '"id":4'), FACTS, /digest/],
  ["a line that was cut", "application/jsonl", TWO.slice(0, -5), FACTS, /line 2 is no JSON/],
  ["a line that holds no object", "application/jsonl", "[1]\n", { ...FACTS, lines: 1 }, /line 1 holds no object/],
  ["facts that are missing", "application/jsonl", TWO, { lines: 2 }, /lacks the facts/],
  ["a file of another length", "application/octet-stream", "abc", { bytes: 4, sha256: digest("abc") }, /bytes/],
  ["a file of another digest", "application/octet-stream", "abc", { bytes: 3, sha256: digest("abd") }, /digest/],
  ["an account of kinds that was changed", "application/json", COLLECTED, { kinds: 1, sha256: digest("x") }, /digest/],
  [
    "an account of kinds with one less",
    "application/json",
    COLLECTED,
    { kinds: 2, sha256: digest(COLLECTED) },
    /kinds/,
  ],
  [
    "an account that says nothing",
    "application/json",
    "{}",
    { kinds: 0, sha256: digest("{}") },
    /does not say what was collected/,
  ],
];
for (const [what, type, text, facts, message] of wrong) {
  test(`${what} fails the proof`, async () => {
    await assert.rejects(prove(type, text, facts), (error: Error) => {
      assert.match(error.message, message);
      return Reflect.get(error, "code") === "PROOF_FAILED";
    });
  });
}

test("a kind that is said to be read, and of which the last part is not there, fails the proof", async () => {
  const part = (n: number, through?: string): ProvenArtifact => ({
    path: `my-org/app/labels${n === 1 ? "" : `-${n}`}.jsonl.zst`,
    contentType: "application/jsonl",
    facts: through === undefined ? {} : { through },
  });
  const facts = { kinds: 1, sha256: digest(COLLECTED) };
  const whole = [part(1, "page 1"), part(2)];
  assert.equal((await prove("application/json", COLLECTED, facts, whole)).level, "full");
  await assert.rejects(prove("application/json", COLLECTED, facts, whole.slice(0, 1)), /labels is said to be read/);
});
