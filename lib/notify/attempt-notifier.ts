import type { Backup } from "../backup.ts";
import { NotifierError } from "../errors.ts";
import type { Notifier } from "../notifiers/notifier.ts";
import { type Attempted, attemptOutside } from "./attempt-outside.ts";

const ROUNDS = 4;

/**
 * Does something with a notifier, again and again where that may help, for at most a quarter of its `timeout`: to look whether
 * it answers, to tell, to stand in for those that could not be told, and to ping at the end follow one another, and all of
 * it is to end within the longest. Never throws: that nobody could be told fails no backup.
 */
export async function attemptNotifier(
  backup: Backup,
  name: string,
  parent: AbortSignal,
  work: (notifier: Notifier, signal: AbortSignal) => Promise<void>,
): Promise<Attempted> {
  const limitMs = (backup.config.notifications[name]?.timeout ?? 0) / ROUNDS;
  const outOfTime = (message: string) => new NotifierError("NOTIFIER_UNREACHABLE", message);
  return attemptOutside(backup, { limitMs, parent, outOfTime }, async (signal) =>
    work(await backup.notifier(name), signal),
  );
}
