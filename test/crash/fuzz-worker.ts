import "./no-waiting.ts";
import { parentPort, workerData } from "node:worker_threads";
import fc from "fast-check";
import { TARGETS } from "./fuzz-targets.ts";

export interface FuzzTask {
  readonly target: string;
  readonly runs: number;
  readonly seed: number;
  /** One number: how many inputs were begun. Shared, so that it can be seen while this thread hangs. */
  readonly begun: Int32Array<SharedArrayBuffer>;
}

/** Run as a worker: reads so many inputs, and posts the first that was read in a way that none may, or undefined. */
if (parentPort !== null) {
  const { target: name, runs, seed, begun }: FuzzTask = workerData;
  const target = await TARGETS[name]?.();
  if (target === undefined) throw new Error(`there is no target ${name}`);
  const { inputs, read, refuses } = target;
  const property = fc.asyncProperty(inputs, async (input) => {
    Atomics.add(begun, 0, 1);
    try {
      await read(input);
    } catch (error) {
      if (!refuses(error)) throw error;
    }
  });
  const result = await fc.check(property, { numRuns: runs, seed });
  parentPort.postMessage(result.failed ? fc.defaultReportMessage(result) : undefined);
}
