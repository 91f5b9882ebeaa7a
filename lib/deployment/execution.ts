import * as z from "zod";
import { failedStep } from "../failed-step.ts";

/** A run of a job on AWS, as its execution tells. */
export interface Execution {
  readonly arn: string;
  readonly name: string;
  /** As a run ends at a desk, and `stopped` for one that a person or its time limit ended. */
  readonly status: "running" | "ok" | "partial" | "failed" | "refused" | "stopped";
  readonly startedAt: string;
  readonly endedAt?: string;
  /** Absent for one that never began. */
  readonly snapshot?: string;
  /** Of one that did not end well, in a line. */
  readonly reason?: string;
}

/** What Step Functions says of an execution: the parts of DescribeExecution that are used. */
export interface Described {
  readonly executionArn?: string | undefined;
  readonly name?: string | undefined;
  readonly status?: string | undefined;
  readonly startDate?: Date | undefined;
  readonly stopDate?: Date | undefined;
  readonly output?: string | undefined;
  readonly error?: string | undefined;
  readonly cause?: string | undefined;
}

/** How a run ended: what travels from the machine's first state to its last. */
const outcomeSchema = z.object({
  job: z.string(),
  status: z.enum(["ok", "partial", "failed", "refused"]).optional(),
  snapshot: z.string().optional(),
  totals: z.object({ units: z.number(), failed: z.number() }).optional(),
  step: z.string().optional(),
  error: z.string().optional(),
  cause: z.string().optional(),
  refused: z.string().optional(),
  reason: z.string().optional(),
});
type Outcome = z.infer<typeof outcomeSchema>;

/** Lambda gives what a function threw as JSON with an errorMessage. */
const thrownSchema = z.object({ errorMessage: z.string() });
const MAX_REASON = 500;

export function executionOf(described: Described): Execution {
  const { executionArn = "", name = "", startDate, stopDate } = described;
  const outcome = outcomeOf(described);
  const reason = reasonOf(described, outcome);
  return {
    arn: executionArn,
    name,
    status: statusOf(described, outcome),
    startedAt: (startDate ?? new Date(0)).toISOString(),
    ...(stopDate === undefined ? {} : { endedAt: stopDate.toISOString() }),
    ...(outcome?.snapshot === undefined ? {} : { snapshot: outcome.snapshot }),
    ...(reason === undefined ? {} : { reason }),
  };
}

function statusOf({ status, error }: Described, outcome: Outcome | undefined): Execution["status"] {
  switch (status) {
    case "SUCCEEDED":
      return outcome?.status === "refused" ? "refused" : "ok";
    case "FAILED":
      return error === "BackupPartial" ? "partial" : "failed";
    case "ABORTED":
    case "TIMED_OUT":
      return "stopped";
    default:
      return "running";
  }
}

function reasonOf({ status, error, cause }: Described, outcome: Outcome | undefined): string | undefined {
  if (status === "SUCCEEDED") return outcome?.status === "refused" ? outcome.reason : undefined;
  if (status === "TIMED_OUT") return "it did not end within the time that its state machine allows";
  if (status === "ABORTED") return line([error, cause]) || "it was stopped by hand";
  if (status !== "FAILED") return undefined;
  if (outcome === undefined) return line([error, messageIn(cause)]);
  if (outcome.refused !== undefined) return line([outcome.refused]);
  if (outcome.error !== undefined) {
    const { code, message } = failedStep(outcome);
    return line(code === "INTERNAL" ? [message] : [code, message]);
  }
  const { totals } = outcome;
  return totals === undefined ? line([error]) : `${totals.failed} of ${totals.units} units failed`;
}

const line = (parts: readonly (string | undefined)[]): string =>
  parts
    .filter((part) => part !== undefined && part !== "")
    .join(": ")
    .replaceAll(/\s+/g, " ")
    .slice(0, MAX_REASON);

/** From the output of one that ended well, or from what its last state threw. */
function outcomeOf({ status, output, cause }: Described): Outcome | undefined {
  if (status !== "FAILED") return parsed(outcomeSchema, output);
  return parsed(outcomeSchema, parsed(thrownSchema, cause)?.errorMessage ?? cause);
}

const messageIn = (cause: string | undefined): string | undefined => parsed(thrownSchema, cause)?.errorMessage ?? cause;

function parsed<T>(schema: z.ZodType<T>, text: string | undefined): T | undefined {
  if (text === undefined) return undefined;
  try {
    const result = schema.safeParse(JSON.parse(text));
    return result.success ? result.data : undefined;
  } catch {
    return undefined;
  }
}
