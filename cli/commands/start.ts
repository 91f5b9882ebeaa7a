import type { Job } from "../../lib/config/schema.ts";
import type { Deployment, Machine } from "../../lib/deployment/deployment.ts";
import type { Execution } from "../../lib/deployment/execution.ts";
import { follow } from "../../lib/deployment/follow.ts";
import { consoleLink } from "../../lib/deployment/stack.ts";
import { LeaseHeldError, NotFoundError } from "../../lib/errors.ts";
import { location } from "../../lib/location.ts";
import { choiceOf } from "../../lib/narrow.ts";
import type { JobResult } from "../../lib/run.ts";
import { findSnapshot } from "../../lib/snapshots.ts";
import type { Storage } from "../../lib/storage/storage.ts";
import { theJob } from "../chosen-snapshot.ts";
import type { Command, CommandContext, ExitCode } from "../command.ts";
import { deployedConfig, knowingBucket, withDeployment } from "../deployed.ts";
import { runProgress } from "../run-progress.ts";
import { runReport } from "../run-report.ts";
import { configFile, withBackup } from "../session.ts";

export const startCommand: Command = async (context) => {
  const { options, output } = context;
  const job = theJob(await deployedConfig(context), options);
  return withDeployment(context, async (deployment) => {
    const machine = await deployment.machine(job.name);
    const [running] = await deployment.executions(machine, { running: true, limit: 1 });
    if (running !== undefined) throw alreadyRunning(job, running);
    const started = await deployment.start(machine, { units: choiceOf(options.units) ?? [], now: context.now() });
    const link = consoleLink(started.arn);
    if (options.follow) {
      output.note(`started ${started.name}: ${link}`);
      return await ended(context, deployment, machine, started);
    }
    output.result({ text: `started ${started.name} of ${job.name}\n${link}\n`, json: documentOf(job, started) });
    return 0;
  });
};

function alreadyRunning({ name }: Job, { name: execution, arn, startedAt }: Execution): LeaseHeldError {
  const message = `job ${name} is running: execution ${execution}, since ${startedAt}; see ${consoleLink(arn)}`;
  return new LeaseHeldError(message, { purpose: "run", since: startedAt });
}

/** Follows it to its end, and reports what it stored as `run` does. */
function ended(
  context: CommandContext,
  deployment: Deployment,
  machine: Machine,
  started: Execution,
): Promise<ExitCode> {
  const { options, output, program } = context;
  const progress = runProgress(context);
  const settings = {
    sources: false,
    level: progress.drawn ? ("warn" as const) : ("info" as const),
    emit: progress.hear,
  };
  return withBackup(knowingBucket(context, machine.bucket), settings, async (backup) => {
    const job = theJob(backup.config, options);
    const execution = await follow(backup, { deployment, arn: started.arn, job }).finally(() => progress.end());
    const result = await resultOf(await backup.storage(job), job, execution);
    const text = runReport({
      result: { status: result.status, jobs: [result] },
      deliveries: [],
      metrics: [],
      seen: progress.seen,
      only: choiceOf(options.units),
      place: (_, snapshot) => location(backup.config, job, snapshot),
      program,
      configFile: configFile(context),
      paint: output.paint,
      width: output.width,
    });
    const { manifest } = result;
    output.result({ text, json: { ...documentOf(job, execution), runs: manifest === undefined ? [] : [manifest] } });
    return execution.status === "ok" ? 0 : 1;
  }).finally(() => progress.end());
}

async function resultOf(storage: Storage, job: Job, execution: Execution): Promise<JobResult> {
  const { status, snapshot, reason } = execution;
  const error = { code: status === "stopped" ? ("INTERRUPTED" as const) : ("DEPLOYMENT_FAILED" as const) };
  const result: JobResult = {
    job: job.name,
    status: status === "running" || status === "stopped" ? "interrupted" : status,
    ...(snapshot === undefined ? {} : { snapshot }),
    ...(reason === undefined || status === "partial" ? {} : { error: { ...error, message: reason, retryable: false } }),
  };
  if (snapshot === undefined) return result;
  try {
    const { manifest, verification } = await findSnapshot(storage, job.name, snapshot);
    return { ...result, ...(manifest && { manifest }), ...(verification && { verification }) };
  } catch (error) {
    if (error instanceof NotFoundError) return result;
    throw error;
  }
}

const documentOf = ({ name }: Job, { name: execution, ...rest }: Execution) => ({
  job: name,
  execution,
  ...rest,
  console: consoleLink(rest.arn),
});
