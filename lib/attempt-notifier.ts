import type { Backup } from "./backup.ts";
import { withDeadline } from "./deadline.ts";
import { CodedError, type ErrorRecord, errorRecord, NotifierError, type TransientError } from "./errors.ts";
import { told } from "./job-report.ts";
import type { Notifier } from "./notifiers/notifier.ts";
import { retry } from "./retry.ts";

export interface Attempted {
  readonly attempts: number;
  /** Absent when it worked. */
  readonly error?: ErrorRecord;
}

const ATTEMPTS = 5;

/**
 * Does something with a notifier, again and again where that may help, for at most half of its `timeout`: a run uses the
 * one half to look whether it answers, the other to tell. Never throws: that nobody could be told fails no backup.
 */
export async function attemptNotifier(
  backup: Backup,
  name: string,
  parent: AbortSignal,
  work: (notifier: Notifier, signal: AbortSignal) => Promise<void>,
): Promise<Attempted> {
  const limitMs = (backup.config.notifications[name]?.timeout ?? 0) / 2;
  let attempts = 0;
  let last: TransientError | undefined;
  let timeIsOver = false;
  const once = async (signal: AbortSignal) => {
    attempts += 1;
    await work(await backup.notifier(name), signal);
  };
  const onRetry = (again: { readonly error: TransientError }) => {
    last = again.error;
  };
  try {
    const options = { attempts: ATTEMPTS, baseMs: 500, maxMs: 8_000, onRetry };
    await withDeadline(parent, limitMs, (signal) => retry(() => once(signal), { ...options, signal }), {
      reason: () => {
        timeIsOver = true;
        return outOfTime(limitMs);
      },
      graceMs: 0,
    });
    return { attempts };
  } catch (error) {
    const shown = timeIsOver && last !== undefined ? last : error;
    // What no notifier is meant to throw is a fault of ours, and still no reason to fail.
    if (!(shown instanceof CodedError) && shown instanceof Error) backup.log.debug(shown.stack ?? shown.message);
    const record = errorRecord(shown, backup.redaction.redact);
    return { attempts, error: { ...record, message: told(record.message) } };
  }
}

const outOfTime = (limitMs: number): Error =>
  new NotifierError("NOTIFIER_UNREACHABLE", `did not answer within ${Math.round(limitMs / 100) / 10} s`);
