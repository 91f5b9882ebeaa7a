import type { Backup } from "../../lib/backup.ts";
import type { Config, Job } from "../../lib/config/schema.ts";
import { location } from "../../lib/location.ts";
import type { MetricsDelivery } from "../../lib/measures/publish-metrics.ts";
import { choiceOf } from "../../lib/narrow.ts";
import type { Delivery } from "../../lib/notify/tell.ts";
import { printable } from "../../lib/printable.ts";
import { type RunResult, runJobs } from "../../lib/run.ts";
import { dueJobs, isStillDue } from "../../lib/scheduling/due-jobs.ts";
import { turnText } from "../../lib/scheduling/scheduler.ts";
import { tellAsEnded } from "../../lib/tell-as-ended.ts";
import type { Command, CommandContext, ExitCode } from "../command.ts";
import { knownNames } from "../known.ts";
import { runProgress } from "../run-progress.ts";
import { runReport } from "../run-report.ts";
import { chosenJobs, configFile, withBackup } from "../session.ts";
import { isSetUpFault } from "../set-up.ts";
import { UsageError } from "../usage-error.ts";
import { waitMs } from "../wait-option.ts";

export const runCommand: Command = async (context) => {
  const wait = waitMs(context.options.wait);
  const only = choiceOf(context.options.units);
  const progress = runProgress(context);
  try {
    const options = {
      sources: true,
      level: progress.drawn ? ("warn" as const) : ("info" as const),
      emit: progress.hear,
    };
    return await withBackup(context, options, async (backup) => {
      const { config } = backup;
      const chosen = chosenJobs(config, context.options.jobs);
      const names = (context.options.due ? await dueAmong(backup, chosen, context) : chosen).map(({ name }) => name);
      if (names.length === 0) return 0;
      if (only !== undefined && names.length !== 1)
        throw new UsageError(`--unit narrows the run of one job: name it with --job${knownNames("", names)}`);
      const { ended, rest } = tellAsEnded(backup);
      const result = await runJobs(backup, names, {
        ...{ waitMs: wait, resume: context.options.resume, only, ended },
        ...(context.options.due ? { isStillDue: (job: Job) => isStillDue(backup, job) } : {}),
      });
      progress.end();
      const { deliveries, metrics } = await rest();
      const { paint, width } = context.output;
      const text = runReport({
        result,
        deliveries,
        metrics,
        seen: progress.seen,
        only,
        place: (name, snapshot) => placeOf(config, name, snapshot) ?? "",
        program: context.program,
        configFile: configFile(context),
        paint,
        width,
      });
      context.output.result({ text, json: runDocument(config, result, { deliveries, metrics }) });
      context.signal.throwIfAborted();
      return exitCode(result);
    });
  } finally {
    progress.end();
  }
};

/** Those that are due. Where none is, that is the result. */
async function dueAmong(
  backup: Backup,
  jobs: readonly Job[],
  { output, now }: CommandContext,
): Promise<readonly Job[]> {
  const asked = await dueJobs(backup, jobs);
  const due = asked.filter(({ isDue }) => isDue).map(({ job }) => job);
  if (due.length > 0) return due;
  const lines = asked.map(({ job, turn, running }) => {
    const next = turn === undefined ? "has no schedule" : turnText(turn, job.timezone, now());
    return `  ${printable(`${job.name}: ${running ? "a run is going on" : next}`)}\n`;
  });
  output.result({ text: `nothing is due\n${lines.join("")}`, json: { status: "ok", runs: [], jobs: [] } });
  return [];
}

/** Where no job got past its configuration and its storage, nothing was begun: that is no failed run but a wrong set-up. */
function exitCode(result: RunResult): ExitCode {
  if (result.jobs.every(({ status, error }) => status === "ok" && error === undefined)) return 0;
  const neverBegan = result.jobs.every(({ snapshot, error }) => snapshot === undefined && isSetUpFault(error?.code));
  return neverBegan ? 2 : 1;
}

interface Outside {
  readonly deliveries: readonly Delivery[];
  readonly metrics: readonly MetricsDelivery[];
}

function runDocument(config: Config, { status, jobs }: RunResult, { deliveries, metrics }: Outside): unknown {
  return {
    status,
    runs: jobs.flatMap(({ manifest }) => (manifest === undefined ? [] : [manifest])),
    jobs: jobs.map(({ manifest: _manifest, timing: _timing, verification, prune, ...result }) => {
      return { ...result, location: placeOf(config, result.job, result.snapshot), verification, prune };
    }),
    ...(Object.keys(config.notifications).length === 0 ? {} : { notifications: deliveries }),
    ...(metrics.length === 0 ? {} : { metrics }),
  };
}

function placeOf(config: Config, name: string, snapshot: string | undefined): string | undefined {
  const job = config.jobs.find((one) => one.name === name);
  return job === undefined || snapshot === undefined ? undefined : location(config, job, snapshot);
}
