import { gunzipSync, gzipSync } from "node:zlib";
import * as z from "zod";
import type { Backup } from "./backup.ts";
import { collect } from "./collect.ts";
import { loadConfig } from "./config/load.ts";
import type { Config } from "./config/schema.ts";
import { ConfigError, DeferredError, errorRecord, InterruptedError, NotFoundError } from "./errors.ts";
import { type Env, openStep } from "./function-backup.ts";
import { goingOn, type StepPointer, stepPointerSchema } from "./function-steps.ts";
import { verifyPartStep } from "./function-verify.ts";
import { findJob } from "./jobs.ts";
import { type PlanLine, planLineSchema, readPlan } from "./plan-line.ts";
import { createRedaction } from "./secrets/redaction.ts";

/**
 * Which unit of which run, as JSON: `{pointer, n, unit}`; or `{pointer, part}`, a part of its verification. A `unit` that is larger
 * than what a task may be given is left out, and read from the plan, of which each such task reads all that comes before it.
 */
export const TASK_VARIABLE = "CORE_BACKUP_TASK";
/** The configuration of the task's job (`packedConfig`). Without it `CORE_BACKUP_CONFIG` names a file. */
export const CONFIG_VARIABLE = "CORE_BACKUP_CONFIG_GZIP";

const number = z.int().nonnegative();
const taskSchema = z.union([
  z.object({ pointer: stepPointerSchema, n: number, unit: planLineSchema.optional() }),
  z.object({ pointer: stepPointerSchema, part: number }),
]);

/** Ends of a task, as exit codes. That the unit failed is none of them: its record says so. */
const taskExits = { recorded: 0, failed: 1, misconfigured: 2, interrupted: 143 } as const;

/**
 * One unit of a run, or one part of its verification, in a container of its own: what `collectStep` and `verifyPartStep` do in
 * a function, without its limits. Told to stop, a unit ends with a record that says INTERRUPTED, a part without a word. Throws
 * nothing: what kept it from writing a record is in the log.
 */
export async function runTask(env: Env, signal: AbortSignal): Promise<number> {
  let backup: Backup | undefined;
  const redaction = createRedaction();
  try {
    const task = taskOf(env);
    const { pointer } = task;
    const config = await configOf(env);
    const which = "n" in task ? { n: task.n } : { part: task.part };
    backup = await openStep(config, {
      fields: { job: pointer.job, run: pointer.run, ...which },
      redaction,
      env,
      signal,
    });
    if ("n" in task) return await collectPlanned(backup, pointer, task.unit ?? (await lineOf(backup, pointer, task.n)));
    await verifyPartStep(backup, pointer, { n: task.part, compute: "fargate" });
    return taskExits.recorded;
  } catch (error) {
    const interrupted = signal.aborted && signal.reason instanceof InterruptedError;
    const { code, message } = errorRecord(interrupted ? signal.reason : error, redaction.redact);
    if (backup === undefined) process.stderr.write(`core-backup: ${message}\n`);
    else backup.log.error(message, { code });
    if (interrupted) return taskExits.interrupted;
    return error instanceof ConfigError ? taskExits.misconfigured : taskExits.failed;
  } finally {
    await backup?.close();
  }
}

async function collectPlanned(backup: Backup, pointer: StepPointer, line: PlanLine): Promise<number> {
  const { log } = backup;
  return goingOn({ ...backup, log: log.with({ unit: line.id }) }, pointer, async (step) => {
    try {
      const record = await collect(step, { ...pointer, unit: { ...line, compute: "fargate" } });
      log.info("recorded", { unit: line.id, status: record.status, durationMs: record.durationMs });
      return record.error?.code === "INTERRUPTED" ? taskExits.interrupted : taskExits.recorded;
    } catch (error) {
      // Its record says until when; the state machine reads it there.
      if (error instanceof DeferredError) return taskExits.recorded;
      throw error;
    }
  });
}

async function lineOf(backup: Backup, pointer: StepPointer, n: number): Promise<PlanLine> {
  const storage = await backup.storage(findJob(backup.config, pointer.job));
  for await (const line of readPlan(storage, pointer)) if (line.n === n) return line;
  throw new NotFoundError(`the plan of ${pointer.job} ${pointer.snapshot} has no unit of number ${n}`);
}

function taskOf(env: Env): z.infer<typeof taskSchema> {
  const text = env[TASK_VARIABLE];
  if (text === undefined) throw new ConfigError(`${TASK_VARIABLE} is not set: a task is started by a state machine`);
  try {
    return taskSchema.parse(JSON.parse(text));
  } catch (error) {
    throw new ConfigError(`${TASK_VARIABLE} does not say which unit, or part of the verification, of which run`, {
      cause: error,
    });
  }
}

async function configOf(env: Env): Promise<Config> {
  const packed = env[CONFIG_VARIABLE];
  const text = packed === undefined ? undefined : gunzipSync(Buffer.from(packed, "base64")).toString("utf8");
  return loadConfig(env.CORE_BACKUP_CONFIG ?? "core-backup.yml", { env, text, notifiers: false });
}

/** A configuration as `CONFIG_VARIABLE` takes it: JSON is YAML as well. */
export const packedConfig = (document: unknown): string => gzipSync(JSON.stringify(document)).toString("base64");
