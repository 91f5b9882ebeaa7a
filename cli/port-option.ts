import { DEFAULT_PORT } from "./command-table.ts";
import { UsageError } from "./usage-error.ts";

/** `--port`. @throws UsageError */
export function portNumber(given: string | undefined): number {
  if (given === undefined) return DEFAULT_PORT;
  const port = /^\d{1,5}$/.test(given) ? Number(given) : Number.NaN;
  if (port <= 65_535) return port;
  throw new UsageError(`--port ${given}: must be a number from 0 to 65535`);
}
