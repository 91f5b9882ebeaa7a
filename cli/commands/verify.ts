import type { Backup } from "../../lib/backup.ts";
import type { Job } from "../../lib/config/schema.ts";
import type { Verification } from "../../lib/manifest.ts";
import { listSnapshots, newestSnapshot } from "../../lib/snapshots.ts";
import { verify } from "../../lib/verify.ts";
import type { VerifyMode } from "../../lib/verify-tasks.ts";
import { theSnapshot } from "../chosen-snapshot.ts";
import type { Command, CommandOptions } from "../command.ts";
import { formatCount, formatDuration } from "../format.ts";
import type { Paint } from "../output.ts";
import { chosenJobs, eachJob, withBackup } from "../session.ts";
import { printable } from "../text-width.ts";

export const verifyCommand: Command = async (context) =>
  // The log would tell every fault a second time.
  withBackup(context, { sources: context.options.prove || context.options.full, level: "error" }, async (backup) => {
    const { options, output } = context;
    const found: Verification[] = [];
    const silent: Backup = { ...backup, log: quiet(backup) };
    const failures = await eachJob(backup, chosenJobs(backup.config, options.jobs), async (job) => {
      for (const snapshot of await snapshotsOf(backup, job, options)) {
        found.push(await verify(silent, { job: job.name, snapshot, mode: modeOf(options) }));
      }
    });
    const text =
      found.map((one) => verificationText(one, output.paint)).join("") ||
      (failures.length === 0 ? "no snapshots\n" : "");
    output.result({ text, json: [...found, ...failures.map((failure) => ({ ...failure, ok: false }))] });
    return failures.length === 0 && found.every(({ ok }) => ok) ? 0 : 1;
  });

function modeOf({ prove, full }: CommandOptions): VerifyMode {
  if (full) return "full";
  return prove ? "prove" : "checksum";
}

async function snapshotsOf(backup: Backup, job: Job, { snapshot, jobs }: CommandOptions): Promise<readonly string[]> {
  const storage = await backup.storage(job);
  if (snapshot === "all") {
    const all: string[] = [];
    for await (const entry of listSnapshots(storage, job.name)) all.push(entry.snapshot);
    return all;
  }
  // Of several jobs, one may never have run; one that was named should have.
  if (jobs.length === 0 && snapshot === undefined && (await newestSnapshot(storage, job.name)) === undefined) return [];
  return [(await theSnapshot(storage, job, snapshot ?? "latest")).snapshot];
}

function quiet(backup: Backup): Backup["log"] {
  const log = backup.log;
  return { ...log, error: (message, fields) => log.debug(message, fields), with: () => quiet(backup) };
}

function verificationText(verification: Verification, paint: Paint): string {
  const { job, snapshot, ok, artifacts, faults, proved, durationMs } = verification;
  const about = printable(`${job} ${snapshot}`);
  const wrong = artifacts.flatMap(({ path, error }) =>
    error === undefined ? [] : [`${path}: ${error.code}: ${error.message}`],
  );
  const lines = [...faults.map(({ code, message }) => `${code}: ${message}`), ...wrong].map(
    (line) => `${about}: ${paint("red", printable(line))}\n`,
  );
  const done = `${formatCount(artifacts.length, "artifact")} read in ${formatDuration(durationMs)}, ${proved} proved`;
  const summary = ok ? paint("green", "ok") : paint("red", `${formatCount(lines.length, "fault")}`);
  return `${lines.join("")}${about}: ${summary}, ${done}\n`;
}
