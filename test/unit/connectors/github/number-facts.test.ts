import assert from "node:assert/strict";
import { test } from "node:test";
import { numberFacts, numbersOf, packed, unpacked } from "../../../../lib/connectors/github/number-facts.ts";

test("numbers come back out of their fact, and those of several artifacts are one set", () => {
  for (const numbers of [[], [0], [7, 8], [1, 2, 3, 1_048_575], Array.from({ length: 1000 }, (_, n) => n * 7)])
    assert.deepEqual(unpacked(packed(new Set(numbers)) ?? "-"), new Set(numbers));
  const parts = [[1, 2], [900]].map((numbers) => ({ facts: numberFacts(new Set(numbers)) }));
  assert.deepEqual(numbersOf(parts), new Set([1, 2, 900]));
});

test("two hundred thousand issues of a repository with as many pull requests are 70 KB at most, and the most there can be 180 KB", () => {
  let seed = 1;
  const random = () => {
    seed = (seed * 48_271) % 2_147_483_647;
    return seed / 2_147_483_647;
  };
  const some = (most: number) => new Set(Array.from({ length: most }, (_, n) => n + 1).filter(() => random() < 0.5));
  assert.ok((packed(some(400_000)) ?? "").length < 70_000);
  // Eight such facts are in a record of at most 64 MiB and in no other document of one unit.
  assert.ok((packed(some(2 ** 20 - 1)) ?? "").length < 180_000);
});

test("a number beyond every repository's, and an artifact that does not tell, give no set; nor does damage", () => {
  assert.deepEqual(numberFacts(new Set([1, 2 ** 20])), {});
  assert.deepEqual(numberFacts(new Set([1.5])), {});
  assert.equal(numbersOf([{ facts: numberFacts(new Set([1])) }, { facts: { lines: 2 } }]), undefined);
  assert.equal(numbersOf([]), undefined);
  assert.equal(unpacked("not deflated"), undefined);
});
