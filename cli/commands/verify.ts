import type { Backup } from "../../lib/backup.ts";
import type { Job } from "../../lib/config/schema.ts";
import { IntegrityError } from "../../lib/errors.ts";
import { formatCount, formatDuration } from "../../lib/format.ts";
import type { Verification } from "../../lib/manifest.ts";
import { lostSnapshots } from "../../lib/manifest-chain.ts";
import { printable } from "../../lib/printable.ts";
import { listSnapshots } from "../../lib/snapshots.ts";
import { verify } from "../../lib/verify.ts";
import type { VerifyMode } from "../../lib/verify-tasks.ts";
import { theSnapshot } from "../chosen-snapshot.ts";
import type { Command, CommandOptions } from "../command.ts";
import type { Paint } from "../output.ts";
import { sealedArtifacts } from "../sealed.ts";
import { chosenJobs, eachJob, withBackup } from "../session.ts";

/** Who asks about the newest snapshot alone does not wait until all manifests are read. */
const NEWEST = 30;

export const verifyCommand: Command = async (context) =>
  // The log would tell every fault a second time.
  withBackup(context, { sources: context.options.prove || context.options.full }, async (backup) => {
    const { options, output } = context;
    const found: Verification[] = [];
    const silent: Backup = { ...backup, log: quiet(backup) };
    const { failures, code } = await eachJob(backup, chosenJobs(backup.config, options.jobs), async (job, begin) => {
      const snapshots = await snapshotsOf(backup, job, options);
      begin();
      for (const snapshot of snapshots) {
        found.push(await verify(silent, { job: job.name, snapshot, mode: modeOf(options) }));
      }
      if (options.snapshot === undefined) await refuseLost(backup, job, NEWEST);
      if (options.snapshot === "all") await refuseLost(backup, job, Number.POSITIVE_INFINITY);
    });
    const text =
      found.map((one) => verificationText(one, modeOf(options), output.paint)).join("") ||
      (failures.length === 0 ? "no snapshots\n" : "");
    output.result({ text, json: [...found, ...failures.map((failure) => ({ ...failure, ok: false }))] });
    const isDone = found.every(
      (one) => one.ok && (modeOf(options) === "checksum" || sealedArtifacts(one).length === 0),
    );
    return code === 0 && !isDone ? 1 : code;
  });

function modeOf({ prove, full }: CommandOptions): VerifyMode {
  if (full) return "full";
  return prove ? "prove" : "checksum";
}

/** A snapshot that has lost its manifest is in no list, so nothing else would tell of it. */
async function refuseLost(backup: Backup, job: Job, lookBack: number): Promise<void> {
  const lost = await lostSnapshots(await backup.storage(job), job.name, lookBack);
  if (lost.length > 0) throw new IntegrityError("SNAPSHOT_LOST", lost.map(({ message }) => message).join("; "));
}

async function snapshotsOf(backup: Backup, job: Job, { snapshot }: CommandOptions): Promise<readonly string[]> {
  if (snapshot === "all") {
    const all: string[] = [];
    for await (const entry of listSnapshots(await backup.storage(job), job.name)) all.push(entry.snapshot);
    if (all.length > 0) return all;
  }
  // A job without a snapshot is not well either: nothing of it could be restored.
  return [(await theSnapshot(backup, job, snapshot === "all" ? undefined : snapshot)).snapshot];
}

function quiet(backup: Backup): Backup["log"] {
  const log = backup.log;
  return { ...log, error: (message, fields) => log.debug(message, fields), with: () => quiet(backup) };
}

function verificationText(verification: Verification, mode: VerifyMode, paint: Paint): string {
  const { job, snapshot, ok, artifacts, faults, proved, durationMs } = verification;
  const about = printable(`${job} ${snapshot}`);
  const wrong = artifacts.flatMap(({ path, error }) =>
    error === undefined ? [] : [`${path}: ${error.code}: ${error.message}`],
  );
  const lines = [...faults.map(({ code, message }) => `${code}: ${message}`), ...wrong].map(
    (line) => `${about}: ${paint("red", printable(line))}\n`,
  );
  const wrongCount = lines.length;
  const sealed = sealedArtifacts(verification);
  if (mode !== "checksum") {
    // What was asked for could not be done, and each artifact may have a reason of its own.
    for (const [why, which] of Map.groupBy(sealed, ({ proof }) => proof?.detail ?? "")) {
      const what = which.length === 1 ? which[0]?.path : formatCount(which.length, "artifact");
      lines.push(`${about}: ${paint("yellow", printable(`${what} not proved, but sealed: ${why}`))}\n`);
    }
  }
  const counts = `${proved} proved${sealed.length === 0 ? "" : `, ${sealed.length} sealed`}`;
  const done = `${formatCount(artifacts.length, "artifact")} read in ${formatDuration(durationMs)}, ${counts}`;
  const summary = ok ? paint("green", "ok") : paint("red", `${formatCount(wrongCount, "fault")}`);
  return `${lines.join("")}${about}: ${summary}, ${done}\n`;
}
