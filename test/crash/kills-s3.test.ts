import "./no-waiting.ts";
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { noVersitygw, type S3Server, startVersitygw } from "../support/s3-server.ts";
import { boundariesOf, killAtEach } from "./kill-run.ts";
import { onS3 } from "./s3-store.ts";
import { scenarios } from "./scenarios.ts";
import { sourceOf } from "./source.ts";
import { added, findingLines, summary, type Tally } from "./tally.ts";
import { veiled } from "./veiled-store.ts";

/** An upload of two parts. */
const LARGE = 6_000_000;
const SMALL = 5_000;

/** The short form; `npm run soak` kills at every request that changes something: before it, in the middle of its body, and after it. */
const POINTS: readonly { scenario: string; bigBytes: number; at: RegExp; least: number; isVeiled?: true }[] = [
  { scenario: "first run", bigBytes: LARGE, at: /big[.]tar/, least: 10 },
  { scenario: "first run", bigBytes: SMALL, at: /^(in the middle of|after) .*(two|units.2|run)[.]json/, least: 6 },
  { scenario: "first run", bigBytes: SMALL, at: /^after POST .*tmp-probe/, least: 3 },
  { scenario: "daily run", bigBytes: SMALL, at: /^(in the middle of|after) .*(one[.]json|SUMS|manifest)/, least: 6 },
  { scenario: "prune of two", bigBytes: SMALL, at: /^after (DELETE|POST)/, least: 4 },
  { scenario: "verify", bigBytes: SMALL, at: /verified/, least: 3 },
  { scenario: "daily run for age", bigBytes: SMALL, at: /^(in the middle of|after) .*dump.*age/, least: 2 },
  { scenario: "first run", bigBytes: SMALL, at: /^after POST .*uploadId/, least: 4, isVeiled: true },
];

describe("S3:", { skip: noVersitygw }, () => {
  const tallies: Tally[] = [];
  let server: S3Server;
  before(async () => {
    server = await startVersitygw();
  });
  after(() => server[Symbol.asyncDispose]());

  for (const { scenario: name, bigBytes, at, least, isVeiled = false } of POINTS) {
    test(`killed in "${name}"${isVeiled ? ", veiled," : ""} at ${at}, nothing is lost, no upload stays open, and the next run succeeds by itself`, async () => {
      const store = isVeiled ? veiled(onS3(server)) : onS3(server);
      const scenario = (await scenarios(sourceOf({ bigBytes }))).find((one) => one.name === name);
      assert.ok(scenario);
      const boundaries = await boundariesOf(store, scenario, bigBytes);
      const points = boundaries.flatMap((text, index) => (at.test(text) ? [index + 1] : []));
      assert.ok(points.length >= least, `only ${points.length} boundaries are ${at}`);
      const tally = await killAtEach(store, scenario, bigBytes, points);
      tallies.push(tally);
      assert.equal(tally.points + tally.missed, points.length);
      assert.ok(tally.points >= least - 2, `only ${tally.points} of ${points.length} boundaries were reached`);
      assert.equal(findingLines(tally.findings).join("\n"), "");
    });
  }

  test("all together they are at least 30 points, and units that had ended were kept", (t) => {
    const all = added(tallies);
    assert.ok(all.points >= 30, `${all.points}`);
    assert.ok(all.kept > 0);
    t.diagnostic(summary(all));
  });
});
