import type { Backup } from "../backup.ts";
import { CodedError, type ErrorRecord, errorRecord, type TransientError } from "../errors.ts";
import { retry } from "../retry.ts";
import { withDeadline } from "../scheduling/deadline.ts";
import { told } from "./job-report.ts";

export interface Attempted {
  readonly attempts: number;
  /** Absent when it worked. */
  readonly error?: ErrorRecord;
}

export interface AttemptLimits {
  readonly limitMs: number;
  readonly parent: AbortSignal;
  /** What is to be said when time is over before anything failed. */
  readonly outOfTime: (message: string) => Error;
}

const ATTEMPTS = 5;

/**
 * Does something with what is not part of a backup (a notifier, an output of metrics), again and again where that may
 * help, for at most so long. Never throws: what goes wrong there fails no backup.
 */
export async function attemptOutside(
  backup: Pick<Backup, "log" | "redaction">,
  { limitMs, parent, outOfTime }: AttemptLimits,
  work: (signal: AbortSignal) => Promise<void>,
): Promise<Attempted> {
  let attempts = 0;
  let last: TransientError | undefined;
  let timeIsOver = false;
  const once = async (signal: AbortSignal) => {
    attempts += 1;
    await work(signal);
  };
  const onRetry = (again: { readonly error: TransientError }) => {
    last = again.error;
  };
  try {
    const options = { attempts: ATTEMPTS, baseMs: 500, maxMs: 8_000, onRetry };
    await withDeadline(parent, limitMs, (signal) => retry(() => once(signal), { ...options, signal }), {
      reason: () => {
        timeIsOver = true;
        return outOfTime(`did not answer within ${Math.round(limitMs / 100) / 10} s`);
      },
      graceMs: 0,
    });
    return { attempts };
  } catch (error) {
    const shown = timeIsOver && last !== undefined ? last : error;
    // What nobody outside is meant to throw is a fault of ours, and still no reason to fail.
    if (!(shown instanceof CodedError) && shown instanceof Error) backup.log.debug(shown.stack ?? shown.message);
    const record = errorRecord(shown, backup.redaction.redact);
    return { attempts, error: { ...record, message: told(record.message) } };
  }
}
