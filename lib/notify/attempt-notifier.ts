import type { Backup } from "../backup.ts";
import { NotifierError } from "../errors.ts";
import type { Notifier } from "../notifiers/notifier.ts";
import { type Attempted, attemptOutside } from "./attempt-outside.ts";

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
  const outOfTime = (message: string) => new NotifierError("NOTIFIER_UNREACHABLE", message);
  return attemptOutside(backup, { limitMs, parent, outOfTime }, async (signal) =>
    work(await backup.notifier(name), signal),
  );
}
