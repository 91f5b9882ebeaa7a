import type { Config } from "../lib/config/schema.ts";
import { readersOf } from "./readers.ts";

/**
 * Calls at once that `--param=collectConcurrency` reserves for each function that collects; undefined where none was given.
 * @throws Error for what is no number, or less than the jobs of one function may call at once: units would wait for each other
 * for hours, while each that ends makes room for the next one of its own job
 */
export function reservedCalls(given: string, config: Config): number | undefined {
  if (given === "") return undefined;
  const calls = Number(given);
  const refused = `--param=collectConcurrency=${given}: must be`;
  if (!(Number.isInteger(calls) && calls > 0)) throw new Error(`${refused} a whole number above 0`);
  for (const { jobs } of readersOf(config)) {
    const least = jobs.reduce((sum, { concurrency }) => sum + concurrency, 0);
    if (calls >= least) continue;
    const which = jobs.map(({ name, concurrency }) => `${name} (concurrency: ${concurrency})`).join(", ");
    throw new Error(`${refused} at least ${least}, since these jobs collect by one function: ${which}`);
  }
  return calls;
}
