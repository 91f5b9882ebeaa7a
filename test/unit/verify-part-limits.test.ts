import assert from "node:assert/strict";
import { test } from "node:test";
import { FUNCTION_LIMITS, partNumbers, partsOf } from "../../lib/verify-part-limits.ts";
import type { ArtifactTask } from "../../lib/verify-tasks.ts";

const GB = 1024 ** 3;
const task = (bytes: number, read: ArtifactTask["read"] = "prove") =>
  ({ read, inherited: undefined, artifact: { bytes } }) as ArtifactTask;

test("parts end where one more artifact would be too much, of bytes or of number", () => {
  const limits = { bytes: 100, artifacts: 3 };
  assert.deepEqual(
    partNumbers(
      [60, 40, 1, 1, 1, 1, 500, 1].map((bytes) => task(bytes)),
      limits,
    ),
    [0, 0, 1, 1, 1, 2, 3, 4],
  );
});

test("what is not read is of no part, and fills none", () => {
  const tasks = [task(60), task(60, "no"), task(40, "checksum"), task(1)];
  assert.deepEqual(partNumbers(tasks, { bytes: 100, artifacts: 9 }), [0, undefined, 0, 1]);
});

test("ten thousand small artifacts are ten parts, and one that no function can read in its time is a task's", () => {
  const numbers = partNumbers(
    Array.from({ length: 10_000 }, () => task(1_000)),
    FUNCTION_LIMITS,
  );
  assert.equal(new Set(numbers).size, 10);
  assert.deepEqual(
    partsOf([
      { part: 0, bytes: 8 * GB },
      { part: 1, bytes: 33 * GB },
    ]),
    [
      { n: 0, compute: "lambda" },
      { n: 1, compute: "fargate" },
    ],
  );
});
