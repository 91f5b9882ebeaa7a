// First, so that nothing of lib/ keeps hold of the functions that they replace.
import { watchBoundaries } from "./boundaries.ts";
import { watchRequests } from "./request-boundaries.ts";
import "./no-waiting.ts";
import type { RetentionPolicy } from "../../lib/config/schema.ts";
import { type Reach, storageAt } from "./reach.ts";
import { sourceOf } from "./source.ts";
import { type Action, act, type Outcome } from "./world.ts";

export interface ChildTask {
  readonly reach: Reach;
  readonly action: Action;
  readonly day: number;
  readonly policy: RetentionPolicy;
  readonly bigBytes: number;
  /** The boundary at which the process ends itself; 0 for never. */
  readonly killAt: number;
  /** Of a restore: where to. Boundaries are then those of this folder and of the store's. */
  readonly to?: string;
}

export interface ChildAnswer {
  readonly outcome: Outcome;
  readonly boundaries: readonly string[];
}

/** Run as a program: the task as JSON in argv, the answer as JSON on stdout, if it lives to give one. */
if (process.argv[1] === import.meta.filename) {
  const task: ChildTask = JSON.parse(process.argv[2] ?? "");
  const { reach, to, killAt } = task;
  const boundaries =
    reach.kind === "S3"
      ? watchRequests(reach.bucket, reach.prefix, killAt)
      : watchBoundaries([reach.folder, ...(to === undefined ? [] : [to])], killAt);
  const outcome = await act(task.action, { ...task, storage: storageAt(reach), source: sourceOf(task) });
  const answer: ChildAnswer = { outcome, boundaries };
  process.stdout.write(JSON.stringify(answer));
}
