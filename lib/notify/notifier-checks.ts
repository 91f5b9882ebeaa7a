import type { Backup } from "../backup.ts";
import type { ErrorRecord } from "../errors.ts";
import { findJob } from "../jobs.ts";
import type { ManifestWarning } from "../manifest.ts";
import { attemptNotifier } from "./attempt-notifier.ts";
import type { RunChecks } from "./run-checks.ts";
import { readTold } from "./told.ts";

/**
 * Looks, beside the run, whether everyone who is to be told can be: a manifest is never rewritten, so what is wrong
 * has to be known before it is written. Also tells those that want to hear of it that runs begin.
 */
export function checkNotifiers(backup: Backup, jobs: readonly string[]): RunChecks["warnings"] {
  const names = Object.keys(backup.config.notifications);
  const at = backup.now().toISOString();
  const routed = (name: string) => jobs.filter((job) => findJob(backup.config, job).notify?.includes(name) ?? true);
  const checks = new Map(names.map((name) => [name, check(backup, name, { kind: "begin", jobs: routed(name), at })]));
  return async (job) => {
    const { notify } = findJob(backup.config, job);
    const warnings: ManifestWarning[] = [...(await undelivered(backup, job))];
    for (const [name, checked] of checks) {
      const error = (notify?.includes(name) ?? true) ? await checked : undefined;
      if (error !== undefined) warnings.push({ code: error.code, message: `notifier ${name}: ${error.message}` });
    }
    return warnings;
  };
}

async function check(
  backup: Backup,
  name: string,
  begun: { readonly kind: "begin"; readonly jobs: readonly string[]; readonly at: string },
): Promise<ErrorRecord | undefined> {
  if (begun.jobs.length === 0) return undefined;
  const { error } = await attemptNotifier(backup, name, backup.signal, async (notifier, signal) => {
    await notifier.check(signal);
    await notifier.begin(begun, signal);
  });
  if (error !== undefined && !backup.signal.aborted) {
    backup.log.warn(`notifier ${name}: ${error.message}`, { code: error.code });
  }
  return error;
}

/** What could not be told after the last run, when its manifest was written already. */
async function undelivered(backup: Backup, job: string): Promise<readonly ManifestWarning[]> {
  try {
    const told = await readTold(await backup.storage(findJob(backup.config, job)), job);
    return told.undelivered.map(({ notifier, at, message }) => ({
      code: "NOTIFIER_UNREACHABLE",
      message: `notifier ${notifier} could not be told of the run before this, at ${at}: ${message}`,
    }));
  } catch {
    // A storage that cannot be read is told of by whoever needs it.
    return [];
  }
}
