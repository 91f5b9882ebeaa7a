import type { Backup } from "../backup.ts";
import { errorRecord, InterruptedError } from "../errors.ts";
import { type JobHistory, jobHistory } from "../job-history.ts";
import { findJob } from "../jobs.ts";
import type { Manifest } from "../manifest.ts";
import { eachLimited } from "../pool.ts";
import { recallRuns, rememberHere, withRunsOf } from "../watch/watch-memory.ts";
import { allClearAfter } from "./all-clear.ts";
import { type EndedRun, jobReport, type RunOutcome, toldAfter } from "./job-report.ts";
import { type Delivery, type Tellable, type TellOptions, tell, tellPings, wasHeard } from "./tell.ts";
import { passedThresholds } from "./thresholds.ts";
import { changeTold, nothingTold, readTold, type Told } from "./told.ts";
import { unreachedAfter } from "./unreached.ts";

export interface NotifyInput extends TellOptions {
  readonly runs: readonly RunOutcome[];
}

export interface NotifyResult {
  readonly deliveries: readonly Delivery[];
  /** What there was to tell, for the pings that are left for later. */
  readonly jobs: readonly Tellable[];
}

interface Known {
  readonly history: JobHistory | undefined;
  readonly told: Told;
}

interface Ended extends Tellable {
  readonly outcome: EndedRun;
  readonly told: Told;
}

const JOBS_AT_ONCE = 4;

/**
 * Tells how runs ended, all of them in one message to each notifier. What it tells is read from the storage, so that
 * any process can do it; where the storage cannot be read, it tells what the outcomes say. Throws nothing.
 */
export async function notify(backup: Backup, { runs, pings = "now" }: NotifyInput): Promise<NotifyResult> {
  const outcomes = runs.filter(hasEnded).filter((run) => !isByHand(backup, run));
  if (Object.keys(backup.config.notifications).length === 0 || outcomes.length === 0)
    return { deliveries: [], jobs: [] };
  const jobs: Ended[] = [];
  await eachLimited(outcomes.entries(), JOBS_AT_ONCE, async ([n, outcome]) => {
    jobs[n] = await tellable(backup, outcome);
  });
  const deliveries = await tell(backup, "run", jobs, { pings });
  await eachLimited(jobs, JOBS_AT_ONCE, (job) => remember(backup, job, deliveries));
  return { deliveries, jobs };
}

/** Pings by how all of it ended, where `notify` left that for later. Throws nothing. */
export async function pingLater(backup: Backup, jobs: readonly Tellable[]): Promise<readonly Delivery[]> {
  const deliveries = await tellPings(backup, jobs);
  await eachLimited(jobs, JOBS_AT_ONCE, async ({ report }) => {
    const undelivered = undeliveredOf(backup, report.job, deliveries);
    if (undelivered.length === 0) return;
    await orWarn(backup, report.job, async () =>
      changeTold(await backup.storage(findJob(backup.config, report.job)), report.job, (told) => ({
        ...told,
        undelivered: [...told.undelivered, ...undelivered],
      })),
    );
  });
  return deliveries;
}

/** Who pressed Ctrl-C knows. */
function isByHand({ signal }: Backup, { status }: RunOutcome): boolean {
  return status === "interrupted" && signal.reason instanceof InterruptedError && signal.reason.signal === "SIGINT";
}

/** Another process works on the job, and it is that one that has something to tell. */
const hasEnded = (run: RunOutcome): run is EndedRun => run.status !== "refused";

async function tellable(backup: Backup, outcome: EndedRun): Promise<Ended> {
  const job = findJob(backup.config, outcome.job);
  const { history, told } = await known(backup, outcome);
  const now = backup.now();
  const report = jobReport({ config: backup.config, job, outcome, history, told, now });
  const manifest = history?.current?.manifest;
  const passed: Tellable["passed"] = (thresholds) =>
    manifest === undefined || history === undefined
      ? []
      : passedThresholds(thresholds, { ...measured(manifest, history), now });
  return { report, notify: job.notify, allClear: told.allClear?.notifiers, passed, told, outcome };
}

const measured = (manifest: Manifest, { before, provedAt, firstRun }: JobHistory) => ({
  manifest,
  before,
  provedAt,
  firstRun: firstRun ?? new Date(manifest.startedAt),
});

async function known(backup: Backup, { job: name, snapshot }: RunOutcome): Promise<Known> {
  const job = findJob(backup.config, name);
  const asks = Object.values(backup.config.notifications).some(
    ({ thresholds }) => thresholds.not_proved_for !== undefined,
  );
  try {
    const storage = await backup.storage(job);
    const told = await recallRuns(backup, job, await readTold(storage, name));
    return { told, history: await jobHistory(storage, name, { snapshot, proof: asks, now: backup.now() }) };
  } catch (error) {
    const { message, code } = errorRecord(error, backup.redaction.redact);
    backup.log.with({ job: name }).debug(`what is told knows nothing of the storage: ${message}`, { code });
    return { told: await recallRuns(backup, job, nothingTold(name)), history: undefined };
  }
}

/** Where the storage is down, in the place that it has for that. */
async function remember(
  backup: Backup,
  { report, told: known, outcome }: Ended,
  deliveries: readonly Delivery[],
): Promise<void> {
  const job = findJob(backup.config, report.job);
  const asked = deliveries.filter(({ jobs, events }) => jobs.includes(report.job) && events.includes("missed"));
  const isFound = report.events.includes("missed");
  const untold = isFound && asked.length > 0 && asked.every((one) => !wasHeard(one, report.job));
  const found = untold ? undefined : outcome.prune?.problems;
  const after = (told: Told): Told => {
    const before = withRunsOf(told, known);
    const { missed, ...rest } = toldAfter(report, { run: outcome.run, found, now: backup.now() }, before);
    const unreached =
      isFound && !untold ? unreachedAfter(missed?.unreached, report.job, asked, false) : missed?.unreached;
    return {
      ...rest,
      missed: missed === null ? null : { ...missed, unreached },
      allClear: allClearAfter(before.allClear, { kind: "run", report, deliveries }),
      undelivered: undeliveredOf(backup, report.job, deliveries),
    };
  };
  await orWarn(backup, report.job, async () => {
    try {
      await changeTold(await backup.storage(job), report.job, after);
    } catch (error) {
      if ((await backup.watchMemory?.(job)) === undefined) throw error;
      const { failing, allClear } = after(known);
      return rememberHere(backup, job, { failing, allClear });
    }
    await rememberHere(backup, job, { failing: null, allClear: undefined });
  });
}

function undeliveredOf({ now }: Backup, job: string, deliveries: readonly Delivery[]): Told["undelivered"] {
  const at = now().toISOString();
  return deliveries
    .filter(({ ok, jobs }) => !ok && jobs.includes(job))
    .map(({ notifier, error }) => ({ notifier, at, message: error?.message ?? "unknown" }));
}

async function orWarn(backup: Backup, job: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    const { message, code } = errorRecord(error, backup.redaction.redact);
    backup.log.with({ job }).warn(`what was told cannot be remembered: ${message}`, { code });
  }
}
