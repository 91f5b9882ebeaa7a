import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { temporaryFolder } from "../support/stores.ts";
import { startWorker } from "./soak-workers.ts";

/** Does what is asked, but for what stands for a fault of the harness. */
const PROGRAM = `
process.on("message", ({ id, piece }) => {
  if (piece.kind !== "years") return process.send({ id, tally: { points: piece.slice, findings: [] } });
  console.error("FATAL: no memory for " + piece.slice);
  process.exit(7);
});`;

test("a process that ends fails what it had under way, with what it printed, and nothing that comes after", async () => {
  await using folder = await temporaryFolder();
  const program = join(folder.path, "worker.cjs");
  await writeFile(program, PROGRAM);
  await using worker = startWorker(program);
  const run = (kind: string, slice: number) =>
    worker.run({ server: undefined, bigBytes: 1, piece: { kind, scenario: "", slice, does: "steadily" } });
  for (const slice of [1, 2]) {
    await assert.rejects(run("years", slice), new RegExp(`ended with 7: FATAL: no memory for ${slice}$`));
    assert.equal((await run("kills, S3", slice)).points, slice);
  }
});
