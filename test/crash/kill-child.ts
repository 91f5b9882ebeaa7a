// First, so that nothing of lib/ keeps hold of the functions that it replaces.
import { watchBoundaries } from "./boundaries.ts";
import "./no-waiting.ts";
import type { RetentionPolicy } from "../../lib/config/schema.ts";
import { filesystemStorage } from "../../lib/storage/filesystem.ts";
import { sourceOf } from "./source.ts";
import { type Action, act, type Outcome } from "./world.ts";

export interface ChildTask {
  readonly folder: string;
  readonly action: Action;
  readonly day: number;
  readonly policy: RetentionPolicy;
  readonly bigBytes: number;
  /** The boundary at which the process ends itself; 0 for never. */
  readonly killAt: number;
}

export interface ChildAnswer {
  readonly outcome: Outcome;
  readonly boundaries: readonly string[];
}

/** Run as a program: the task as JSON in argv, the answer as JSON on stdout, if it lives to give one. */
if (process.argv[1] === import.meta.filename) {
  const task: ChildTask = JSON.parse(process.argv[2] ?? "");
  const boundaries = watchBoundaries(task.folder, task.killAt);
  const storage = filesystemStorage({ basePath: task.folder });
  const outcome = await act(task.action, { ...task, storage, source: sourceOf(task) });
  const answer: ChildAnswer = { outcome, boundaries };
  process.stdout.write(JSON.stringify(answer));
}
