import { InterruptedError } from "../lib/errors.ts";
import { runTask } from "../lib/function-task.ts";

/** What a container of a task runs: one unit, named by the task's environment. What it exits with, `runTask` says. */
const controller = new AbortController();
// ECS sends it when a task is stopped, and half a minute later SIGKILL.
process.once("SIGTERM", () => controller.abort(new InterruptedError("SIGTERM")));

const exitCode = await runTask(process.env, controller.signal);
await new Promise<void>((done) => process.stdout.write("", () => done()));
// Not left to run out: what did not heed its signal may still hold a socket open.
process.exit(exitCode);
