import type { Execution } from "../../lib/deployment/execution.ts";
import { consoleLink } from "../../lib/deployment/stack.ts";
import { errorRecord } from "../../lib/errors.ts";
import { formatAge, formatDuration } from "../../lib/format.ts";
import { printable } from "../../lib/printable.ts";
import type { Command, CommandContext } from "../command.ts";
import { deployedConfig, withDeployment } from "../deployed.ts";
import { chosenJobs, isOfOneJob, type JobFailure } from "../session.ts";
import { table } from "../table.ts";
import { statusPaint } from "../unit-table.ts";

interface JobExecution extends Execution {
  readonly job: string;
}

const NEWEST = 5;

export const statusCommand: Command = async (context) => {
  const { options, output, redaction } = context;
  const jobs = chosenJobs(await deployedConfig(context), options.jobs);
  return withDeployment(context, async (deployment) => {
    const found: JobExecution[] = [];
    const failures: JobFailure[] = [];
    let first: unknown;
    for (const { name } of jobs) {
      try {
        const machine = await deployment.machine(name);
        const executions = await deployment.executions(machine, { running: false, limit: NEWEST });
        found.push(...executions.map((execution) => ({ job: name, ...execution })));
      } catch (error) {
        context.signal.throwIfAborted();
        if (!isOfOneJob(error)) throw error;
        first ??= error;
        failures.push({ job: name, error: errorRecord(error, redaction.redact) });
      }
    }
    // None at all: it is the deployment that is not what was meant.
    if (failures.length > 0 && failures.length === jobs.length) throw first;
    output.result({ text: statusText(found, failures, context), json: [...found.map(documentOf), ...failures] });
    return failures.length === 0 ? 0 : 1;
  });
};

const documentOf = ({ job, name, ...rest }: JobExecution) => ({
  job,
  execution: name,
  ...rest,
  console: consoleLink(rest.arn),
});

function statusText(
  executions: readonly JobExecution[],
  failures: readonly JobFailure[],
  { output, now }: CommandContext,
): string {
  const { paint, width } = output;
  const columns = [
    { title: "job", shrink: true },
    { title: "execution", shrink: true },
    { title: "status" },
    { title: "began", align: "right" as const },
    { title: "took", align: "right" as const },
    { title: "snapshot" },
  ];
  const rows = executions.map(({ job, name, status, startedAt, endedAt, snapshot }) => {
    const began = Date.parse(startedAt);
    const end = endedAt === undefined ? now().getTime() : Date.parse(endedAt);
    return [
      job,
      name,
      { text: status, paint: statusPaint(status, paint) },
      formatAge(now().getTime() - began),
      formatDuration(Math.max(0, end - began)),
      snapshot ?? "-",
    ];
  });
  const reasons = executions
    .filter(({ reason }) => reason !== undefined)
    .map(({ job, name, reason, arn }) => `  ${printable(`${job} ${name}: ${reason}`)}\n    ${consoleLink(arn)}\n`);
  const failed = failures.map(({ job, error }) => `  ${printable(`${job}: ${error.code}: ${error.message}`)}\n`);
  return [
    rows.length === 0 ? "no executions\n" : table(columns, rows, width),
    reasons.length === 0 ? "" : `\nreasons:\n${reasons.join("")}`,
    failed.length === 0 ? "" : `\n${paint("red", "failures:")}\n${failed.join("")}`,
  ].join("");
}
