import type { Backup } from "../../lib/backup.ts";
import type { Job } from "../../lib/config/schema.ts";
import { formatCount } from "../../lib/format.ts";
import { printable } from "../../lib/printable.ts";
import { type PruneResult, prune } from "../../lib/prune.ts";
import { pruneJob } from "../../lib/prune-job.ts";
import type { Command } from "../command.ts";
import type { Output } from "../output.ts";
import { chosenJobs, eachJob, withBackup } from "../session.ts";
import { table } from "../table.ts";
import { waitMs } from "../wait-option.ts";

export const pruneCommand: Command = async (context) =>
  withBackup(context, { sources: false }, async (backup) => {
    const { options, output } = context;
    const wait = waitMs(options.wait);
    const results: PruneResult[] = [];
    const { failures, code } = await eachJob(backup, chosenJobs(backup.config, options.jobs), async (job, begin) => {
      results.push(await (options.dryRun ? look(backup, job) : pruneNow(backup, job, wait, begin)));
    });
    const text = results.map((one) => pruneText(one, options.dryRun, output)).join("\n");
    output.result({ text, json: [...results.flatMap(decisionsOf), ...failures] });
    const refused = results.filter((one) => one.refused !== undefined);
    for (const one of refused) backup.log.with({ job: one.job }).error(`refused: ${one.refused}`, { code: "REFUSED" });
    if (refused.length > 0) return 2;
    return code;
  });

const look = (backup: Backup, job: Job) => prune(backup, { job: job.name, dryRun: true });

/** Under the job's lease where something is to be removed; who has nothing to remove is in nobody's way. */
async function pruneNow(backup: Backup, job: Job, wait: number, begin: () => void): Promise<PruneResult> {
  const looked = await look(backup, job);
  if (looked.decisions.every(({ keep }) => keep)) return looked;
  return pruneJob(backup, job, { waitMs: wait, begin });
}

function decisionsOf({ job, decisions, removed, swept, refused }: PruneResult) {
  const gone = new Set([...removed, ...swept]);
  return decisions.map(({ snapshot, keep, reason }) => ({
    job,
    snapshot,
    keep,
    reason,
    removed: gone.has(snapshot),
    refused,
  }));
}

function pruneText(
  { job, decisions, removed, swept, refused }: PruneResult,
  dryRun: boolean,
  { paint, width }: Output,
): string {
  const gone = new Set([...removed, ...swept]);
  const verdict = (snapshot: string, keep: boolean) =>
    keep ? "keep" : gone.has(snapshot) ? "removed" : "would remove";
  const rows = decisions.map(({ snapshot, keep, reason }) => [
    snapshot,
    { text: verdict(snapshot, keep), paint: (text: string) => (keep ? text : paint("yellow", text)) },
    reason,
  ]);
  const leftovers = swept.length === 0 ? "" : `, leftovers of ${formatCount(swept.length, "unfinished run")}`;
  const done = dryRun
    ? "dry run, nothing removed"
    : `${formatCount(removed.length, "snapshot")}${leftovers} removed${refused === undefined ? "" : ", then refused"}`;
  const head = `${paint("bold", printable(job))}  ${done}\n`;
  return rows.length === 0
    ? `${head}no snapshots\n`
    : head + table([{ title: "snapshot" }, { title: "decision" }, { title: "reason", shrink: true }], rows, width);
}
