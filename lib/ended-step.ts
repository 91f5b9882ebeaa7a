import * as z from "zod";
import type { Backup } from "./backup.ts";
import { type Collected, goingOn, type StepPointer } from "./function-steps.ts";
import { findJob } from "./jobs.ts";
import type { UnitRecord } from "./manifest.ts";
import type { PlanLine } from "./plan-line.ts";
import { readRecord, writeRecord } from "./record.ts";

/** How what collected a unit ended, as the state machine caught it; empty for a task that ended by itself. */
export const endingSchema = z.object({
  /** What collected it. */
  compute: z.enum(["lambda", "fargate"]),
  error: z.string().optional(),
  cause: z.string().optional(),
  /** With an `error` of a task: how many in a row did not end by themselves, this one included. */
  tries: z.int().positive().default(1),
});

type Ending = z.input<typeof endingSchema>;

/** After these a task that was never started is tried again: fetching its image, or making its network, was what failed. */
const START_AGAIN_MS = [60_000, 5 * 60_000];

/** What ECS says of a task, as far as it tells why it ended. */
const taskSchema = z.object({
  StoppedReason: z.string().optional(),
  Containers: z.array(z.object({ ExitCode: z.number().nullish(), Reason: z.string().nullish() })).optional(),
});

/**
 * What became of a unit whose task, or whose function, gave no answer: what its record says. Where that has not ended, one
 * is written that says how it was killed, so that the manifest does not only know that it is lost.
 */
export async function endedStep(
  backup: Backup,
  pointer: StepPointer,
  unit: PlanLine,
  ending: Ending,
): Promise<Collected> {
  return goingOn(backup, pointer, async (step) => {
    const storage = await step.storage(findJob(step.config, pointer.job));
    const record = await readRecord(storage, pointer, unit.n);
    const wasKilled = ending.error !== undefined;
    // One that a function left, which ran out of its time, says nothing of the task that went on.
    if (record !== undefined && record.status !== "running" && !(wasKilled && record.compute !== ending.compute)) {
      return { status: record.status };
    }
    if (record?.deferredUntil !== undefined && !wasKilled) {
      await step.lease.keepUntil(new Date(record.deferredUntil));
      return { status: "deferred", resumeAt: record.deferredUntil };
    }
    const againMs = wasNeverStarted(ending) ? START_AGAIN_MS[(ending.tries ?? 1) - 1] : undefined;
    if (againMs !== undefined) {
      const until = new Date(backup.now().getTime() + againMs);
      await step.lease.keepUntil(until);
      const about = backup.log.with({ job: pointer.job, run: pointer.run, unit: unit.id });
      about.warn(`${backup.redaction.redact(howItEnded(ending))}: tried again at ${until.toISOString()}`);
      return { status: "deferred", resumeAt: until.toISOString() };
    }
    const error = {
      code: "UNIT_KILLED",
      message: backup.redaction.redact(howItEnded(ending)),
      retryable: true,
    } as const;
    await writeRecord(storage, pointer, killed(step, unit, record, ending, error));
    backup.log
      .with({ job: pointer.job, run: pointer.run, unit: unit.id })
      .error(error.message, { code: error.code, status: "failed" });
    return { status: "failed" };
  });
}

function killed(
  backup: Backup,
  unit: PlanLine,
  record: UnitRecord | undefined,
  { compute }: Ending,
  error: UnitRecord["error"],
): UnitRecord {
  const now = backup.now();
  const startedAt = record?.startedAt ?? now.toISOString();
  const never: Omit<UnitRecord, "status" | "compute"> = {
    run: unit.run,
    n: unit.n,
    id: unit.id,
    ...(unit.identity === undefined ? {} : { identity: unit.identity }),
    fingerprint: unit.fingerprint,
    startedAt,
    durationMs: 0,
    attempts: 1,
    artifacts: [],
    warnings: [],
  };
  // Both are of the record as it was.
  const {
    deferredUntil: _deferredUntil,
    seal: _seal,
    ...rest
  } = { deferredUntil: undefined, seal: undefined, ...(record ?? never) };
  const durationMs = Math.max(0, now.getTime() - new Date(startedAt).getTime());
  return { ...rest, compute, startedAt, durationMs, status: "failed", error };
}

/** For an operator: the exit code, and the reason as AWS puts it. */
function howItEnded({ compute, error, cause = "" }: Ending): string {
  if (error === undefined) return "its task ended without a record";
  const what = compute === "fargate" ? "its task" : "its function";
  const said = json(cause);
  const task = taskOf({ compute, cause });
  const [container] = task?.Containers ?? [];
  if (container !== undefined) {
    const { ExitCode: code, Reason: reason } = container;
    const why = [reason, task?.StoppedReason].filter((one) => typeof one === "string" && one !== "").join("; ");
    const how = code === undefined || code === null ? "was never started" : `ended with exit code ${code}`;
    return `${what} ${how}${why === "" ? "" : `: ${why}`}`;
  }
  const message = z.object({ errorMessage: z.string() }).safeParse(said).data?.errorMessage ?? cause.slice(0, 500);
  return `${what} ended by ${error}${message === "" ? "" : `: ${message}`}`;
}

/** Undefined for a function, and for an error that is not of a task that ended. */
const taskOf = ({ compute, cause = "" }: Pick<Ending, "compute" | "cause">) =>
  compute === "fargate" ? taskSchema.safeParse(json(cause)).data : undefined;

/** What has run has an exit code. */
function wasNeverStarted(ending: Ending): boolean {
  const [container] = taskOf(ending)?.Containers ?? [];
  return container !== undefined && (container.ExitCode ?? undefined) === undefined;
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
