import { duration } from "../lib/config/values.ts";
import { UsageError } from "./usage-error.ts";

/** Milliseconds of `--wait`; 0 without it. @throws UsageError */
export function waitMs(given: string | undefined): number {
  if (given === undefined) return 0;
  const parsed = duration.safeParse(given);
  if (parsed.success) return parsed.data;
  throw new UsageError(`--wait ${given}: ${parsed.error.issues[0]?.message}`);
}
