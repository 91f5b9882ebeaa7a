import * as z from "zod";
import { deferralMetrics } from "../lib/deployment/deferral-metrics.ts";
import { executionState } from "../lib/deployment/execution-state.ts";
import { ConfigError } from "../lib/errors.ts";
import { type Invocation, withFunctionBackup } from "../lib/function-backup.ts";
import { planStep } from "../lib/function-steps.ts";
import { choiceOf } from "../lib/narrow.ts";

const inputSchema = z.strictObject({
  /** Ids or globs: only these units. None: the whole job. */
  units: z.array(z.string().min(1)).default([]),
  startedBy: z.string().optional(),
  /** What the console puts into an input that nobody has edited. */
  Comment: z.string().optional(),
});
const eventSchema = z.object({
  job: z.string(),
  input: z.unknown(),
  /** ARN. Absent in an execution that began before it was given. */
  execution: z.string().optional(),
  /** When the execution began, or was last redriven; absent as `execution`. */
  since: z.iso.datetime({ offset: true }).optional(),
});

/**
 * The first state of a run: takes the job's lease and lists the units. Where the source asks to come back later the lease is
 * given back, and it is the state machine's to wait.
 */
export const handler = (event: unknown, invocation: Invocation) => {
  const { job, input, execution, since } = eventSchema.parse(event);
  return withFunctionBackup(
    invocation,
    async (backup, asConfigured) => {
      const planned = await planStep(
        backup,
        {
          job,
          only: choiceOf(unitsOf(input)),
          execution,
          executionState: (other) => executionState(backup, other),
          since: since === undefined ? undefined : new Date(since),
        },
        asConfigured,
      );
      if ("resumeAt" in planned) {
        const line = deferralMetrics(process.env.STACK ?? "", { job, resumeAt: planned.resumeAt }, backup.now());
        process.stdout.write(`${backup.redaction.redact(line)}\n`);
      }
      return planned;
    },
    { about: { job } },
  );
};

/** @throws ConfigError: an input that is not understood must not pass for one that asks for the whole job */
function unitsOf(input: unknown): readonly string[] {
  const parsed = inputSchema.safeParse(input ?? {});
  if (parsed.success) return parsed.data.units;
  const what = parsed.error.issues.map(({ path, message }) => [...path, message].join(": ")).join("; ");
  throw new ConfigError(`the execution's input is {} or {"units": ["id or glob", …]}: ${what}`);
}
