import "./no-waiting.ts";
import assert from "node:assert/strict";
import { test } from "node:test";
import { noVersitygw, startVersitygw } from "../support/s3-server.ts";
import { injectFaults, plannedFaults } from "./fault-run.ts";
import { onS3 } from "./s3-store.ts";
import { scenarios } from "./scenarios.ts";
import { sourceOf } from "./source.ts";
import { findingLines } from "./tally.ts";
import { veiled } from "./veiled-store.ts";

/** Of two hundred and fifty faults one: what a server adds to the thousands in memory is its own way of keeping objects. */
const EVERY = 251;
/** Each object there is up to three. */
const EVERY_VEILED = 701;

test("S3: whatever call fails, what is told is true and the next run succeeds", { skip: noVersitygw }, async () => {
  await using server = await startVersitygw();
  const source = sourceOf({ bigBytes: 5_000 });
  for (const [store, every] of [
    [onS3(server), EVERY],
    [veiled(onS3(server)), EVERY_VEILED],
  ] as const) {
    let faults = 0;
    for (const scenario of await scenarios(source)) {
      const planned = (await plannedFaults(store, scenario, source)).filter((_, index) => index % every === every >> 1);
      const tally = await injectFaults(store, scenario, source, planned);
      assert.equal(findingLines(tally.findings).join("\n"), "");
      faults += tally.faults;
    }
    assert.ok(faults > 10, `only ${faults} faults were injected in ${store.name}`);
  }
});
