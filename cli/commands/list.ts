import { formatAge, formatBytes } from "../../lib/format.ts";
import { snapshotTime } from "../../lib/keys.ts";
import { printable } from "../../lib/printable.ts";
import { entryStatus, type SnapshotEntry } from "../../lib/snapshot-entry.ts";
import { snapshotsNewestFirst } from "../../lib/snapshots.ts";
import type { Command, CommandContext } from "../command.ts";
import { sealedArtifacts } from "../sealed.ts";
import { chosenJobs, eachJob, withBackup } from "../session.ts";
import { table } from "../table.ts";
import { statusPaint } from "../unit-table.ts";

type ListedSnapshot = ReturnType<typeof listed>;

export const listCommand: Command = async (context) =>
  withBackup(context, { sources: false }, async (backup) => {
    const snapshots: ListedSnapshot[] = [];
    const { failures, code } = await eachJob(backup, chosenJobs(backup.config, context.options.jobs), async (job) => {
      for await (const entry of snapshotsNewestFirst(await backup.storage(job), job.name)) {
        backup.signal.throwIfAborted();
        snapshots.push(listed(entry));
      }
    });
    const none = failures.length === 0 ? "no snapshots\n" : "";
    const text = snapshots.length === 0 ? none : listText(snapshots, context);
    context.output.result({ text, json: [...snapshots, ...failures] });
    return code;
  });

function listed(entry: SnapshotEntry) {
  const { job, snapshot, manifest, verified, verification, fault } = entry;
  return {
    job,
    snapshot,
    status: entryStatus(entry),
    bytes: manifest?.totals.bytes ?? null,
    sourceBytes: manifest?.totals.sourceBytes ?? null,
    units: manifest?.totals.units ?? null,
    only: manifest?.only,
    artifacts: manifest?.totals.artifacts ?? null,
    durationMs: manifest?.durationMs ?? null,
    verified,
    verifiedAt: verification?.verifiedAt ?? null,
    verifyMs: verification?.durationMs ?? null,
    proved: verified ? (verification?.proved ?? 0) : 0,
    sealed: verified ? sealedArtifacts(verification).length : 0,
    error: fault,
  };
}

function listText(snapshots: readonly ListedSnapshot[], { output, now }: CommandContext): string {
  const columns = [
    { title: "job", shrink: true },
    { title: "snapshot" },
    { title: "status" },
    { title: "units", align: "right" as const },
    { title: "stored", align: "right" as const },
    { title: "verified" },
    { title: "age", align: "right" as const },
  ];
  const rows = snapshots.map((one) => {
    const { job, snapshot, status, units, only, bytes } = one;
    const age = now().getTime() - (snapshotTime(snapshot)?.getTime() ?? 0);
    return [
      job,
      snapshot,
      { text: status, paint: statusPaint(status, output.paint) },
      units === null ? "-" : `${units}${only === undefined ? "" : " (narrowed)"}`,
      bytes === null ? "-" : formatBytes(bytes),
      verifiedText(one),
      formatAge(age),
    ];
  });
  const unread = snapshots.filter(({ status }) => UNREAD.has(status));
  // Which key or version is missing is the same for all of a job.
  const why = new Map(unread.toReversed().map(({ job, error }) => [job, error?.message ?? ""]));
  return (
    table(columns, rows, output.width) + [...why].map(([job, what]) => `${printable(`${job}: ${what}`)}\n`).join("")
  );
}

const UNREAD: ReadonlySet<string> = new Set(["sealed", "unknown"]);

function verifiedText({ verified, verifiedAt, proved, sealed, artifacts, status }: ListedSnapshot): string {
  if (verified && sealed > 0) return `yes, ${proved}/${artifacts ?? 0} proved, ${sealed} sealed`;
  if (verified) return `yes, ${proved}/${artifacts ?? 0} proved`;
  if (UNREAD.has(status)) return "-";
  return verifiedAt === null && status !== "damaged" ? "no" : "WRONG";
}
