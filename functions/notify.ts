import * as z from "zod";
import { executionState } from "../lib/deployment/execution-state.ts";
import { endRun, endStoppedRun } from "../lib/end-run.ts";
import { failedStep } from "../lib/failed-step.ts";
import { type Invocation, withFunctionBackup } from "../lib/function-backup.ts";
import { stepPointerSchema } from "../lib/function-steps.ts";

const outcomeSchema = z.object({
  job: z.string(),
  status: z.enum(["ok", "partial", "failed", "interrupted"]),
  snapshot: z.string().optional(),
  /** Which step could not be done, and what it threw. */
  step: z.string().optional(),
  error: z.string().optional(),
  cause: z.string().optional(),
  refused: z.string().optional(),
  removed: z.int().optional(),
  /** What its prune found of earlier snapshots; absent where it was not come to. */
  prune: z
    .object({
      problems: z.array(
        z.object({
          code: z.enum(["SNAPSHOT_LOST", "INTEGRITY_MANIFEST"]),
          message: z.string(),
          snapshots: z.array(z.string()).optional(),
        }),
      ),
    })
    .optional(),
  /** Of a run that went through none of its last states: how Step Functions ended it, and its execution's name. */
  stopped: z.enum(["ABORTED", "TIMED_OUT"]).optional(),
  execution: z.string().optional(),
  /** How often it was redriven; a text, and an empty one where the event says nothing of it. */
  redrives: z.coerce.number().int().nonnegative().default(0),
  /** Absent where the rule that tells of it is older. */
  executionArn: z.string().optional(),
});
const eventSchema = z.object({
  outcome: outcomeSchema,
  pointer: stepPointerSchema.nullish(),
  /** Name of the run's own execution; none of one that was redriven by a definition that is older than `redrives`. */
  execution: z.string().nullish(),
  redrives: z.int().nonnegative().default(0),
});

/** What is left when no more is waited for: a rule's call that was killed would be made again, and tell again. */
const LAST_WORDS_MS = 20_000;

/**
 * The last function of a run, however it went: the lease is given back, and whoever is to be told is told. When nobody
 * could be told of one that was stopped, it throws: Lambda calls it again, and keeps in a queue what failed for good.
 */
export const handler = (event: unknown, invocation: Invocation) => {
  const { outcome, pointer, execution: own, redrives } = eventSchema.parse(event);
  const { job, status, snapshot, prune, removed = 0, execution, executionArn } = outcome;
  const run = execution === undefined ? endOf(own ?? undefined, redrives) : endOf(execution, outcome.redrives);
  const error = errorOf(outcome);
  return withFunctionBackup(
    invocation,
    async (backup) => {
      const ended = { job, status, snapshot, error, prune, run };
      if (outcome.stopped === undefined)
        return endRun(backup, { outcome: ended, pointer: pointer ?? undefined, removed });
      const patienceMs = invocation.getRemainingTimeInMillis() - LAST_WORDS_MS;
      const goesOn = (execution: string) => executionState(backup, execution);
      const from =
        executionArn === undefined ? undefined : { job, execution: executionArn, executionState: goesOn, patienceMs };
      return endStoppedRun(backup, ended, from);
    },
    { about: { job, run: pointer?.run, snapshot } },
  );
};

/** What an end counts under, once: an execution that is redriven ends again. */
const endOf = (execution: string | undefined, redrives: number): string | undefined =>
  execution === undefined || redrives === 0 ? execution : `${execution}#${redrives}`;

function errorOf({ step, error, cause, refused, stopped, execution }: z.infer<typeof outcomeSchema>) {
  if (stopped !== undefined) {
    const how = stopped === "ABORTED" ? "was stopped by hand" : "did not end within its time";
    return { code: "INTERRUPTED" as const, message: `execution ${execution} ${how}`, retryable: false };
  }
  if (refused !== undefined) return { code: "REFUSED" as const, message: refused, retryable: false };
  return error === undefined ? undefined : failedStep({ step, error, cause });
}
