import assert from "node:assert/strict";
import { test } from "node:test";
import { newCoverage, type Promised } from "./soak-coverage.ts";
import { newTally, type Tally } from "./tally.ts";

const ten: Tally = { ...newTally(), points: 3, faults: 10, runs: 26 };
const promised = (changes: Partial<Promised> = {}): Promised => ({
  ...{ least: 10, whole: false, withoutS3: undefined },
  ...changes,
});

test("a soak that injected fewer faults than were promised is a failure, whatever form it has", () => {
  const coverage = newCoverage();
  coverage.plan({ "faults, memory": 2 });
  coverage.add("faults, memory", ten);
  assert.deepEqual(coverage.broken(promised()), []);
  assert.deepEqual(coverage.broken(promised({ least: 10_000 })), ["10 faults were injected, and 10,000 were promised"]);
});

test("what was not gone through is named, and breaks the promise of the whole alone", () => {
  const coverage = newCoverage();
  coverage.plan({ "faults, memory": 1, "kills, S3": 2 });
  coverage.plan({ "faults, memory": 1 });
  coverage.add("faults, memory", ten);
  coverage.add("faults, memory", ten);
  coverage.add("kills, S3", newTally());
  assert.deepEqual(coverage.lines(), [
    "faults, memory: 2 of 2 pieces, 6 points killed, 20 faults",
    "kills, S3: 1 of 2 pieces",
    "not gone through to the end: kills, S3",
    "6 points killed (0 units kept), 20 faults injected, 0 jumps of the clock, 52 runs: 0 lost, 0 manual repairs",
  ]);
  assert.deepEqual(coverage.broken(promised()), []);
  assert.equal(coverage.broken(promised({ whole: true })).length, 1);
  coverage.add("kills, S3", newTally());
  assert.deepEqual(coverage.broken(promised({ whole: true })), []);
  assert.match(coverage.broken(promised({ whole: true, withoutS3: "no server" })).join(), /nothing was tried on S3/);
});

test("a finding is a failure, and so is a soak in which nothing was run", () => {
  const nothing = newCoverage();
  assert.deepEqual(nothing.broken(promised({ least: 0 })), ["nothing was run"]);
  nothing.add("faults, memory", {
    ...ten,
    findings: [{ invariant: "object-whole", detail: "half of it", where: "here" }],
  });
  assert.deepEqual(nothing.broken(promised()), ["1 findings"]);
});
