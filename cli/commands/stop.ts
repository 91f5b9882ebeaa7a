import { hostname, userInfo } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import type { Deployment } from "../../lib/deployment/deployment.ts";
import type { Execution } from "../../lib/deployment/execution.ts";
import { consoleLink } from "../../lib/deployment/stack.ts";
import { type AbandonedLease, type AbandonedOptions, giveBackAbandoned } from "../../lib/lease/abandoned-lease.ts";
import { theJob } from "../chosen-snapshot.ts";
import type { Command, CommandContext, ExitCode } from "../command.ts";
import { deployedConfig, knowingBucket, withDeployment } from "../deployed.ts";
import { loadedConfig, withBackup } from "../session.ts";
import { UsageError } from "../usage-error.ts";

/** More than one at a time is a schedule's and a person's; the later ones are about to be refused. */
const MOST = 100;
const POLL_MS = 1_000;
const LONGEST_FUNCTION_MS = 15 * 60_000;

export const stopCommand: Command = async (context) => {
  const { options, output } = context;
  const job = theJob(await deployedConfig(context), options);
  return withDeployment<ExitCode>(context, async (deployment) => {
    const machine = await deployment.machine(job.name);
    const running = await deployment.executions(machine, { running: true, limit: MOST });
    if (running.length === 0) throw new UsageError(`no execution of job ${job.name} is running`);
    for (const { arn } of running) await deployment.stop(arn, `stopped by ${whoStops()} through core-backup stop`);
    const stopped = await Promise.all(running.map((one) => ended(deployment, one, context)));
    output.note(
      "stopped; waiting until no function of it is at work, to give its lease back (Ctrl-C leaves it to run out)",
    );
    const lease = await givenBack(knowingBucket(context, machine.bucket), job.name, {
      executions: running.map(({ arn }) => arn),
      executionState: async (arn) => ((await deployment.describe(arn)).status === "running" ? "running" : "ended"),
    });
    output.result({ text: stopText(stopped, lease), json: documentOf(job.name, stopped, lease) });
    return 0;
  });
};

function whoStops(): string {
  try {
    return `${userInfo().username}@${hostname()}`;
  } catch {
    // A user id without a name, as containers have.
    return hostname();
  }
}

async function ended(deployment: Deployment, execution: Execution, { signal }: CommandContext): Promise<Execution> {
  for (;;) {
    const found = await deployment.describe(execution.arn);
    if (found.status !== "running") return found;
    await delay(POLL_MS, undefined, { signal });
  }
}

/** Once no function of the stopped run is at work any more: until then its unit is being recorded, and nobody may begin. */
async function givenBack(
  context: CommandContext,
  name: string,
  of: Pick<AbandonedOptions, "executions" | "executionState">,
): Promise<AbandonedLease> {
  const config = await loadedConfig(context, { sources: false });
  let lease: AbandonedLease = { state: "free" };
  await withBackup(context, { sources: false }, async (backup) => {
    const storage = await backup.storage(theJob(config, { ...context.options, jobs: [name] }));
    lease = await giveBackAbandoned(storage, name, {
      ...of,
      patienceMs: LONGEST_FUNCTION_MS,
      signal: context.signal,
    });
    return 0;
  });
  return lease;
}

function stopText(stopped: readonly Execution[], { state, until }: AbandonedLease): string {
  const lines = stopped.map(({ name, arn, status }) => `${status} ${name}\n  ${consoleLink(arn)}\n`);
  const lease = {
    free: "its lease is free",
    taken: "its lease is another one's by now, or the run was redriven",
    held: `its lease runs out at ${until}`,
  };
  return `${lines.join("")}${lease[state]}; the next run takes up what was collected\n`;
}

const documentOf = (job: string, stopped: readonly Execution[], lease: AbandonedLease) => ({
  job,
  lease,
  executions: stopped.map(({ name, ...rest }) => ({ execution: name, ...rest, console: consoleLink(rest.arn) })),
});
