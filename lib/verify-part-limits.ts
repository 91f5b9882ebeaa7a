import type { PlanLine } from "./plan-line.ts";
import type { ArtifactTask } from "./verify-tasks.ts";

/** How much is read back in one go, as stored. */
export interface PartLimits {
  readonly bytes: number;
  readonly artifacts: number;
}

/** What a function reads back well within its fifteen minutes. */
export const FUNCTION_LIMITS: PartLimits = { bytes: 8 * 1024 ** 3, artifacts: 1_000 };

/** More than this of one artifact no function reads in its time. */
export const TASK_BYTES = 4 * FUNCTION_LIMITS.bytes;

/** One line of `.run/verify/parts.jsonl`: a part, and what it is to be read by. */
export interface VerifyPart {
  readonly n: number;
  readonly compute: PlanLine["compute"];
}

/** The number of its part for each task, from 0; none for what is not read. An artifact is never divided. Pure. */
export function partNumbers(tasks: readonly ArtifactTask[], limits: PartLimits): readonly (number | undefined)[] {
  let part = -1;
  let held = { bytes: 0, artifacts: 0 };
  return tasks.map(({ artifact, read }) => {
    if (read === "no") return undefined;
    if (part < 0 || held.artifacts >= limits.artifacts || held.bytes + artifact.bytes > limits.bytes) {
      part += 1;
      held = { bytes: 0, artifacts: 0 };
    }
    held = { bytes: held.bytes + artifact.bytes, artifacts: held.artifacts + 1 };
    return part;
  });
}

/** What each part is to be read by: a task from the beginning where a function would only lose its time. Pure. */
export function partsOf(read: readonly { readonly part: number; readonly bytes: number }[]): readonly VerifyPart[] {
  const bytes = new Map<number, number>();
  for (const one of read) bytes.set(one.part, (bytes.get(one.part) ?? 0) + one.bytes);
  return [...bytes].map(([n, sum]) => ({ n, compute: sum > TASK_BYTES ? "fargate" : "lambda" }));
}
