import assert from "node:assert/strict";
import { test } from "node:test";
import { type Finding, findingLines } from "./tally.ts";

test("every place where something was found has a line, however much of each is told", () => {
  const findings = Array.from({ length: 40 }, (_, n): Finding => {
    const invariant = n % 2 === 0 ? "fenced" : "no-leftovers";
    return { where: `place ${Math.floor(n / 10)}`, invariant, detail: `object ${n}` };
  });
  const lines = findingLines(findings, 1);
  assert.deepEqual(
    lines.slice(0, 4),
    [0, 1, 2, 3].map((place) => `place ${place}: fenced 5 times, no-leftovers 5 times`),
  );
  assert.deepEqual(
    lines.slice(4).filter((line) => line.startsWith("  ")),
    ["  place 0: object 0", "  place 0: object 1"],
  );
  assert.deepEqual(findingLines([]), []);
});
