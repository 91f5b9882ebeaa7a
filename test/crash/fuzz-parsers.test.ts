import assert from "node:assert/strict";
import { once } from "node:events";
import { describe, test } from "node:test";
import { Worker } from "node:worker_threads";
import { TARGETS } from "./fuzz-targets.ts";
import type { FuzzTask } from "./fuzz-worker.ts";

/** Longer for a longer look: FUZZ_RUNS=20000; FUZZ_SEED does one again. */
const RUNS = Number(process.env.FUZZ_RUNS ?? 400);
const SEED = Number(process.env.FUZZ_SEED ?? Math.floor(Math.random() * 2 ** 31));
/** Nothing that reads a few kilobytes takes as long, however busy the machine is. */
const HANGS_MS = 60_000;
/** A parser that takes a length at its word would want more. */
const LARGEST_HEAP_MB = 512;

describe("of any bytes, and of real ones with any damage, each reader gives something or a typed error:", () => {
  for (const target of Object.keys(TARGETS)) {
    test(target, async () => assert.equal(await fuzzed(target), undefined));
  }
});

/** In a thread, which can be ended while it hangs; and with a bound on its memory. */
async function fuzzed(target: string): Promise<string | undefined> {
  const begun = new Int32Array(new SharedArrayBuffer(4));
  const task: FuzzTask = { target, runs: RUNS, seed: SEED, begun };
  const worker = new Worker(new URL("./fuzz-worker.ts", import.meta.url), {
    workerData: task,
    resourceLimits: { maxOldGenerationSizeMb: LARGEST_HEAP_MB },
  });
  let seen = -1;
  const hanging = new Promise<never>((_, reject) => {
    const look = () => {
      const now = Atomics.load(begun, 0);
      if (now === seen) reject(new Error(`input ${now} of FUZZ_SEED=${SEED} hangs`));
      seen = now;
    };
    setInterval(look, HANGS_MS).unref();
  });
  try {
    const [report] = await Promise.race([once(worker, "message"), hanging]);
    return report;
  } finally {
    await worker.terminate();
  }
}
