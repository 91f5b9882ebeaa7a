import "./no-waiting.ts";
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { noVersitygw } from "../support/s3-server.ts";
import { INVARIANTS } from "./invariants.ts";
import { probeMutant } from "./mutation-run.ts";
import { MUTATIONS, type Mutation } from "./mutations.ts";
import { probe } from "./probe.ts";
import { findingLines } from "./tally.ts";

/** Why it cannot be tried here. */
const absent = ({ probe: what }: Mutation) => "on" in what && noVersitygw;

/** CI takes the first of each invariant and some more; CRASH_MUTATIONS=all takes every one. */
const seen = new Set<string>();
const chosen = MUTATIONS.filter(({ breaks, always }) => {
  const isFirst = !seen.has(breaks);
  seen.add(breaks);
  return isFirst || always === true || process.env.CRASH_MUTATIONS === "all";
});

describe("the harness tells when a guard is taken out:", { concurrency: 2 }, () => {
  for (const mutation of chosen) {
    const title = `${mutation.what}, and "${INVARIANTS[mutation.breaks]}" does not hold`;
    test(title, { skip: absent(mutation) }, async () => {
      const { findings } = await probeMutant(mutation);
      const broken = new Set(findings.map(({ invariant }) => invariant));
      assert.ok(broken.has(mutation.breaks), `${[...broken].join(", ")} was found instead of ${mutation.breaks}`);
    });
  }

  test("and finds nothing in the same places while all guards are there", async () => {
    const here = chosen.filter((mutation) => absent(mutation) === false);
    const places = new Map(here.map(({ probe: what }) => [JSON.stringify(what), what]));
    for (const what of places.values()) assert.equal(findingLines((await probe(what)).findings).join("\n"), "");
  });
});

test("every invariant has a mutation that breaks it", () => {
  assert.deepEqual([...seen].sort(), Object.keys(INVARIANTS).sort());
});
