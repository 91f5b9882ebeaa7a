import assert from "node:assert/strict";
import { test } from "node:test";
import type { Facts, PreviousArtifact } from "../../../../lib/connectors/connector.ts";
import { begunKind, partFacts, strayParts, wholeParts } from "../../../../lib/connectors/github/kind-parts.ts";

const KIND = { name: "stages" };
const part = (facts: Facts): PreviousArtifact => ({ facts, sourceBytes: 0, open: async function* () {} });
const stored = (...facts: readonly Facts[]) =>
  new Map(facts.map((one, n) => [n === 0 ? "stages.jsonl" : `stages-${n + 1}.jsonl`, part(one)]));

test("parts of one reading are joined, and one of another reading is not", () => {
  const first = partFacts(undefined);
  const begun = begunKind(KIND, stored(first("b")));
  const rest = partFacts(begun);
  const other = partFacts(undefined);
  assert.equal(wholeParts(KIND, stored(first("b"), rest("d"), rest()))?.length, 3);
  const mixed = stored(first("b"), other("d"));
  assert.equal(wholeParts(KIND, mixed), undefined);
  assert.equal(begunKind(KIND, mixed)?.through, "b");
  // Where nothing goes on from what is begun, all of it is given up.
  assert.deepEqual([...strayParts(KIND, stored(first("b")), undefined)], ["stages.jsonl"]);
  assert.deepEqual([...strayParts(KIND, mixed, begunKind(KIND, mixed))], ["stages-2.jsonl"]);
  assert.deepEqual([...strayParts(KIND, stored(first("b"), rest()), undefined)], []);
});

test("what is in one piece says nothing of parts, and parts that do not say whose they are are joined as they lie", () => {
  assert.deepEqual(partFacts(undefined)(), {});
  const begun = begunKind(KIND, stored({ through: 1 }));
  assert.deepEqual(partFacts(begun)(2), { through: 2 });
  assert.equal(wholeParts(KIND, stored({ through: 1 }, {}))?.length, 2);
});

test("a part whose first is missing is a stray", () => {
  const artifacts = new Map([
    ["stages-2.jsonl", part({ listing: "a" })],
    ["stages_of.jsonl", part({})],
  ]);
  assert.deepEqual([...strayParts(KIND, artifacts, undefined)], ["stages-2.jsonl"]);
});
