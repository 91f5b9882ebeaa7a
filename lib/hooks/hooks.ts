import type { Backup } from "../backup.ts";
import type { HookName } from "../config/hook-options.ts";
import type { Job } from "../config/schema.ts";
import { HookError } from "../errors.ts";
import { ProgramFailedError, ProgramMissingError, programOutput } from "../process.ts";
import { withDeadline } from "../scheduling/deadline.ts";

/** What a hook may know of the run; it becomes its environment. */
export interface HookFacts {
  readonly CORE_BACKUP_STATUS?: string;
  readonly CORE_BACKUP_ERROR?: string;
  readonly CORE_BACKUP_SNAPSHOT?: string;
}

/** A hook that says more is not cut off, but not listened to any longer. */
const MAX_LINES = 1_000;
const MAX_LINE = 2_000;
const MAX_HELD = 64 * 1024;

/**
 * Runs a job's hook, if it has one, and comes back when it has ended. What it prints goes to the log, line by line. When its
 * time is over, or with `signal`, its process group is ended: SIGTERM, and SIGKILL after 5 s.
 * @throws HookError `HOOK_FAILED` | `HOOK_TIMEOUT`; ConfigError for a variable that is not set; the signal's reason
 */
export async function runHook(
  backup: Pick<Backup, "log" | "redaction" | "secrets">,
  job: Job,
  name: HookName,
  facts: HookFacts,
  signal: AbortSignal,
): Promise<void> {
  const hook = job.hooks?.[name];
  if (hook === undefined) return;
  const [program = "", ...args] = hook.argv;
  const env: Record<string, string> = { CORE_BACKUP_JOB: job.name, CORE_BACKUP_HOOK: name, ...facts };
  for (const variable of hook.env) env[variable] = await backup.secrets.resolve({ from: "env", name: variable });
  const heard = lines((line) => backup.log.with({ job: job.name }).info(`${name}: ${line}`), backup.redaction.redact);
  const timedOut = (limitMs: number) =>
    new HookError("HOOK_TIMEOUT", `the hook ${name} took longer than its timeout of ${Math.round(limitMs / 1000)} s`);
  try {
    await withDeadline(
      signal,
      hook.timeoutMs,
      async (ending) => {
        const errors = heard();
        const output = heard();
        for await (const piece of programOutput(program, args, { signal: ending, env, onStderr: errors.hear })) {
          output.hear(piece);
        }
        for (const one of [output, errors]) one.end();
      },
      { reason: timedOut },
    );
  } catch (error) {
    if (error instanceof ProgramFailedError || error instanceof ProgramMissingError || isSystemError(error)) {
      throw new HookError("HOOK_FAILED", `the hook ${name} failed: ${error.message}`, { cause: error });
    }
    throw error;
  }
}

/** Of starting it: it may not be executed, or its name is a folder's. */
const isSystemError = (error: unknown): error is Error => error instanceof Error && "syscall" in error;

/** Takes bytes apart into lines, of both streams together no more than a log should hold. */
function lines(say: (line: string) => void, redact: (text: string) => string) {
  let said = 0;
  const one = (line: string) => {
    said += 1;
    // Redacted first: half a secret is not recognised.
    if (said <= MAX_LINES) say(redact(line).slice(0, MAX_LINE));
    else if (said === MAX_LINES + 1) say(`… more than ${MAX_LINES} lines, of which the rest is not shown`);
  };
  return () => {
    const decoder = new TextDecoder();
    let rest = "";
    let isCut = false;
    return {
      hear(piece: Uint8Array) {
        const all = (rest + decoder.decode(piece, { stream: true })).split(/\r?\n/);
        rest = all.pop() ?? "";
        for (const line of all) {
          if (!isCut) one(line);
          isCut = false;
        }
        // A line without an end is held no longer than this. What follows of it is left out: where a secret is cut, its end is not recognised.
        if (rest.length > MAX_HELD) {
          if (!isCut) one(rest);
          isCut = true;
          rest = "";
        }
      },
      end() {
        if (rest !== "" && !isCut) one(rest);
        rest = "";
      },
    };
  };
}
