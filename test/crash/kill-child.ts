// First, so that nothing of lib/ keeps hold of the functions that they replace.
import { watchBoundaries } from "./boundaries.ts";
import { watchRequests } from "./request-boundaries.ts";
import "./no-waiting.ts";
import type { RetentionPolicy } from "../../lib/config/schema.ts";
import { TransientError } from "../../lib/errors.ts";
import { type Reach, storageAt } from "./reach.ts";
import { sourceOf } from "./source.ts";
import { type Action, act, type Outcome } from "./world.ts";

export interface ChildTask {
  readonly reach: Reach;
  readonly action: Action;
  readonly day: number;
  readonly policy: RetentionPolicy;
  readonly bigBytes: number;
  readonly many?: number;
  readonly encrypted?: boolean;
  /** The boundary at which the process ends itself as if by `kill -9`, stops itself until it is continued, or writes a wrong bit; 0 for never. */
  readonly at: number;
  readonly do: "SIGKILL" | "SIGSTOP" | "flip";
  /** Of one that is stopped: by how much its clocks went on meanwhile. */
  readonly stoppedSeconds?: number;
  /** A source that fails once in the middle of `db`, so that this unit has a second attempt. */
  readonly breaks?: boolean;
  /** Of a restore: where to. Boundaries are then those of this folder and of the store's. */
  readonly to?: string;
}

export interface ChildAnswer {
  readonly outcome: Outcome;
  readonly boundaries: readonly string[];
}

void main();

/** A program: the task as JSON in argv, the answer as JSON on stdout, if it lives to give one. */
async function main(): Promise<void> {
  const task: ChildTask = JSON.parse(process.argv[2] ?? "");
  const { reach, to, stoppedSeconds = 0 } = task;
  let ahead = 0;
  const at = (passed: number): "flip" | undefined => {
    if (passed !== task.at) return undefined;
    if (task.do === "flip") return "flip";
    process.kill(process.pid, task.do);
    // Only who was stopped comes here, when it is continued.
    ahead = stoppedSeconds;
    return undefined;
  };
  const boundaries =
    reach.kind === "S3"
      ? watchRequests(reach.bucket, reach.prefix, at)
      : watchBoundaries([reach.folder, ...(to === undefined ? [] : [to])], at);
  const once = (n: number) => (n === 0 ? new TransientError("SOURCE_UNAVAILABLE", "the source was away") : undefined);
  const source = sourceOf({ ...task, ...(task.breaks === true ? { breaks: once } : { breaks: () => undefined }) });
  const clocks = { secondsNow: () => ahead, suspendedMs: () => ahead * 1000 };
  const outcome = await act(task.action, { ...task, ...clocks, storage: await storageAt(reach), source });
  const answer: ChildAnswer = { outcome, boundaries };
  process.stdout.write(JSON.stringify(answer));
}
