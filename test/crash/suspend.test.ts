import "./no-waiting.ts";
import assert from "node:assert/strict";
import { test } from "node:test";
import { noVersitygw, startVersitygw } from "../support/s3-server.ts";
import { onS3 } from "./s3-store.ts";
import { scenarios } from "./scenarios.ts";
import { sourceOf } from "./source.ts";
import { onFilesystem, type StoreKind } from "./stores.ts";
import { suspendAtEach, suspendable, type Taker } from "./suspend-run.ts";
import { findingLines } from "./tally.ts";

const BIG_BYTES = 5_000;
/**
 * The last step of what only one may do, where its lease was looked at just before; on S3 also while what the storage can do is
 * tried under the lease, and between the copy of an unchanged artifact and the look at it. `npm run soak` takes every step of all.
 */
const LAST_STEPS: Readonly<Record<string, RegExp>> = {
  filesystem: /^(link|rename) .*(plan|run[.]json|one[.]json|dump|users|SUMS|manifest|verified)/,
  S3: /^before .*(probe[?]partNumber|plan.*|run[.]json|one[.]json|dump.*uploadId$|users.*uploadId$|SUMS|manifest.*uploadId$|verified)|^after PUT .*one[.]json/,
};

async function suspended(
  kind: StoreKind,
  name: string,
  taker: Taker = "run",
  last = LAST_STEPS[kind.name] ?? /^$/,
): Promise<void> {
  const scenario = (await scenarios(sourceOf({ bigBytes: BIG_BYTES }))).find((one) => one.name === name);
  assert.ok(scenario);
  const boundaries = await suspendable(kind, scenario, BIG_BYTES);
  const points = boundaries.flatMap((text, index) => (last.test(text) ? [index + 1] : []));
  assert.ok(points.length >= 5, boundaries.join("\n"));
  assert.ok(
    points.some((at) => boundaries[at - 1]?.includes("plan")),
    boundaries.join("\n"),
  );
  const tally = await suspendAtEach(kind, scenario, BIG_BYTES, points, taker);
  assert.equal(findingLines(tally.findings).join("\n"), "");
  assert.equal(tally.points + tally.missed, points.length);
}

for (const name of ["first run", "daily run"]) {
  test(`filesystem: a process that is stopped in "${name}" until another one took over changes nothing when it goes on`, () =>
    suspended(onFilesystem, name));
}

test("filesystem: the same where it is a prune that takes the job over", () =>
  suspended(onFilesystem, "daily run", "prune", /^(link|rename) .*(plan|one[.]json|SUMS|manifest|verified)/));

test("S3: the same as with a run", { skip: noVersitygw }, async () => {
  await using server = await startVersitygw();
  for (const name of ["first run", "daily run"]) await suspended(onS3(server), name);
});
