import type { Backup } from "../../lib/backup.ts";
import type { Job } from "../../lib/config/schema.ts";
import type { Warning } from "../../lib/connectors/connector.ts";
import { stackMonth } from "../../lib/cost/cost.ts";
import type { JobCost } from "../../lib/cost/job-cost.ts";
import type { Prices } from "../../lib/cost/prices.ts";
import { formatBytes, formatCount, formatTime } from "../../lib/format.ts";
import { knownUnits } from "../../lib/known-units.ts";
import { location } from "../../lib/location.ts";
import { listUnits } from "../../lib/plan.ts";
import { printable } from "../../lib/printable.ts";
import { type PruneResult, prune } from "../../lib/prune.ts";
import { findUnfinished } from "../../lib/resume/resume.ts";
import { nextRuns } from "../../lib/scheduling/schedule.ts";
import { readOnlyStorage } from "../../lib/storage/read-only.ts";
import type { Command } from "../command.ts";
import { costText, stackCostText } from "../cost-text.ts";
import { givenPrices } from "../given-prices.ts";
import type { Output } from "../output.ts";
import { planCost } from "../plan-cost.ts";
import { chosenJobs, eachJob, withBackup } from "../session.ts";
import { table } from "../table.ts";

interface PlannedUnit {
  readonly id: string;
  /** `new` to every good snapshot, `changed` since, `unchanged`, or `unknown` where only collecting it would tell. */
  readonly state: "new" | "changed" | "unchanged" | "unknown";
  readonly fingerprint: string | undefined;
  /** What the source says of its size. */
  readonly estimatedBytes: number | undefined;
  /** What listing found that an operator should know. */
  readonly warnings: readonly Warning[];
  /** The newest good snapshot that holds it, and its size there. */
  readonly previous: { readonly snapshot: string; readonly sourceBytes: number } | undefined;
}

interface JobPlan {
  readonly job: string;
  readonly service: string;
  readonly storage: { readonly name: string; readonly location: string };
  readonly schedule: string | undefined;
  readonly timezone: string;
  readonly nextRuns: readonly string[];
  /** The unfinished run that a run would take up again. Its units are those that were planned then. */
  readonly resumes: string | undefined;
  readonly units: readonly PlannedUnit[];
  readonly prune: Pick<PruneResult, "decisions" | "refused">;
  /** With --cost. */
  readonly cost?: JobCost;
}

const RUNS = 5;

export const planCommand: Command = async (context) =>
  withBackup(context, { sources: true }, async (opened) => {
    const backup = lookingOnly(opened);
    const plans: JobPlan[] = [];
    const prices = context.options.cost ? await givenPrices(context.options.prices) : undefined;
    const jobs = chosenJobs(backup.config, context.options.jobs);
    const { failures, code } = await eachJob(backup, jobs, async (job) => {
      plans.push(await jobPlan(backup, job, context.now(), prices));
    });
    const text = plans
      .map((one) => planText(one, context.output) + costText(one.cost, prices, context.output.width))
      .join("\n");
    const stack = prices === undefined ? {} : { stack: stackMonth(prices) };
    context.output.result({
      text: text + stackCostText(prices),
      json: { jobs: [...plans, ...failures], ...stack },
    });
    return code;
  });

/** Whatever a step would write is refused: a dry run that changes something must not be possible. */
function lookingOnly(backup: Backup): Backup {
  return { ...backup, storage: async (job) => readOnlyStorage(await backup.storage(job)) };
}

async function jobPlan(backup: Backup, job: Job, now: Date, prices: Prices | undefined): Promise<JobPlan> {
  const known = await knownUnits(await backup.storage(job), job.name, await backup.encryption(job), now);
  const units = await listUnits(backup, job.name, known);
  const { decisions, refused } = await prune(backup, { job: job.name, dryRun: true });
  const planned = await Promise.all(
    units.map(async (unit) => {
      const { previous, reuse } = await known.of(unit);
      return {
        id: unit.id,
        state: stateOf(unit.fingerprint, previous, reuse),
        fingerprint: unit.fingerprint,
        estimatedBytes: unit.estimatedBytes,
        warnings: unit.warnings ?? [],
        previous,
      };
    }),
  );
  const priced = units.map(({ compute }, n) => ({ compute, isUnchanged: planned[n]?.state === "unchanged" }));
  return {
    job: job.name,
    service: job.service,
    storage: { name: job.target_storage, location: location(backup.config, job) },
    schedule: job.schedule,
    timezone: job.timezone,
    nextRuns:
      job.schedule === undefined
        ? []
        : nextRuns(job.schedule, job.timezone, now, RUNS).map((time) => time.toISOString()),
    resumes: (await findUnfinished(backup, job, "within"))?.snapshot,
    units: planned,
    prune: { decisions, refused },
    ...(prices === undefined ? {} : { cost: await planCost(backup, job, priced, prices) }),
  };
}

function stateOf(fingerprint: string | undefined, previous: unknown, reuse: unknown): PlannedUnit["state"] {
  if (previous === undefined) return "new";
  if (reuse !== undefined) return "unchanged";
  return fingerprint === undefined ? "unknown" : "changed";
}

function planText(plan: JobPlan, { paint, width }: Output): string {
  const columns = [
    { title: "unit", shrink: true },
    { title: "since the last good snapshot" },
    { title: "size there", align: "right" as const },
    ...(plan.units.some(({ estimatedBytes }) => estimatedBytes !== undefined)
      ? [{ title: "estimated now", align: "right" as const }]
      : []),
  ];
  const rows = plan.units.map(({ id, state, previous, estimatedBytes }) => [
    id,
    state === "unknown" ? "shows when it is collected" : state,
    previous === undefined ? "-" : formatBytes(previous.sourceBytes),
    estimatedBytes === undefined ? "-" : formatBytes(estimatedBytes),
  ]);
  const removals = plan.prune.decisions.filter(({ keep }) => !keep);
  return [
    `${paint("bold", printable(plan.job))}  ${plan.service} -> ${printable(plan.storage.location)}  ${formatCount(plan.units.length, "unit")}\n\n`,
    rows.length === 0 ? "no units: a run would store nothing\n" : table(columns, rows, width),
    ...plan.units
      .flatMap(({ warnings }) => warnings)
      .map(({ code, message }) => `${paint("yellow", code)}: ${printable(message)}\n`),
    plan.resumes === undefined ? "" : `\na run would take up the unfinished one of ${plan.resumes} again\n`,
    `\n${timesText(plan)}`,
    removals.length === 0 ? "prune would remove nothing\n" : "prune would remove:\n",
    ...removals.map(({ snapshot, reason }) => `  ${snapshot}  ${reason}\n`),
    plan.prune.refused === undefined ? "" : `prune would refuse: ${plan.prune.refused}\n`,
  ].join("");
}

function timesText({ schedule, timezone, nextRuns: times }: JobPlan): string {
  if (schedule === undefined) return "no schedule: it runs when it is told to\n";
  const lines = times.map((time) => `  ${formatTime(new Date(time), timezone)}\n`).join("");
  return `next runs (${schedule}, ${timezone}):\n${lines}`;
}
