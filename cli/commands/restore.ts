import { resolve } from "node:path";
import { formatCount } from "../../lib/format.ts";
import { printable } from "../../lib/printable.ts";
import { type RestoreResult, restore } from "../../lib/restore/restore.ts";
import { type RestoreToResult, restoreTo } from "../../lib/restore/restore-to.ts";
import { theJob, theRestorable } from "../chosen-snapshot.ts";
import type { Command, CommandContext, ExitCode } from "../command.ts";
import type { Paint } from "../output.ts";
import { withBackup } from "../session.ts";
import { beforehand } from "../set-up.ts";
import { UsageError } from "../usage-error.ts";

const MAX_PATHS = 5;

export const restoreCommand: Command = async (context) => {
  const { to, targets } = context.options;
  const [target, ...others] = targets;
  if ((to === undefined || to === "") && target === undefined)
    throw new UsageError("--to is missing: it takes the folder to restore to (see restore --help for other places)");
  if (others.length > 0) throw new UsageError("one place at a time: give one of the --to options");
  return target === undefined ? restoreToFolder(context, to ?? "") : restoreToTarget(context, target);
};

/** Needs neither the source nor its secrets. */
function restoreToFolder(context: CommandContext, to: string): Promise<ExitCode> {
  return withBackup(context, { sources: false }, async (backup) => {
    const { options, output } = context;
    const { unit, force } = options;
    const job = theJob(backup.config, options);
    const entry = await beforehand(theRestorable(backup, job, options));
    const restored = await restore(backup, { job: job.name, snapshot: entry.snapshot, unit, to, force });
    output.result({ text: restoredText(restored, to, output.paint), json: { ...restored, to: resolve(to) } });
    return restored.incomplete.length === 0 ? 0 : 1;
  });
}

function restoreToTarget(context: CommandContext, target: { name: string; place: string }): Promise<ExitCode> {
  return withBackup(context, { sources: true }, async (backup) => {
    const { options, output } = context;
    const { unit, force } = options;
    const job = theJob(backup.config, options);
    if (!backup.kind(job.service).targets.some(({ name }) => name === target.name))
      throw new UsageError(`--to-${target.name} is not for ${job.name}, which is a job of service ${job.service}`);
    const entry = await beforehand(theRestorable(backup, job, options));
    const restored = await restoreTo(backup, {
      job: job.name,
      snapshot: entry.snapshot,
      unit,
      target: target.name,
      place: target.place,
      force,
    });
    output.result({ text: restoredToText(restored, output.paint), json: restored });
    return restored.incomplete.length === 0 ? 0 : 1;
  });
}

function restoredText({ job, snapshot, files, next, incomplete }: RestoreResult, to: string, paint: Paint): string {
  const lines = [...Map.groupBy(files, ({ unit }) => unit)].flatMap(([unit, paths]) =>
    unitLines(
      unit,
      paths.map(({ path }) => path),
    ),
  );
  const head = `restored ${formatCount(files.length, "path")} of ${printable(job)} ${snapshot} into ${printable(to)}\n`;
  const paths = lines.map((line) => `  ${printable(line)}\n`).join("");
  return head + paths + nextText(next, to) + incompleteText(incomplete, paint);
}

function restoredToText({ job, snapshot, target, place, units, incomplete }: RestoreToResult, paint: Paint): string {
  const head = `restored ${formatCount(units.length, "unit")} of ${printable(job)} ${snapshot} to ${target} ${printable(place)}\n`;
  const lines = units.map(({ unit, detail }) => `  ${printable(`${unit}: ${detail}`)}\n`);
  return head + lines.join("") + incompleteText(incomplete, paint);
}

/** Units say some things alike; once is enough. */
function nextText(next: RestoreResult["next"], to: string): string {
  const commands = [...new Set(next.flatMap((one) => one.commands))];
  return commands.length === 0
    ? ""
    : `next, in ${printable(to)}:\n${commands.map((command) => `  ${printable(command)}\n`).join("")}`;
}

function incompleteText(incomplete: RestoreResult["incomplete"], paint: Paint): string {
  if (incomplete.length === 0) return "";
  const missing = incomplete.map(({ unit, reason }) => `  ${printable(`${unit}: ${reason}`)}\n`);
  return `${paint("yellow", "not whole, since the backup was not:")}\n${missing.join("")}`;
}

/** A tree has more paths than anyone reads; `--json` has them all. */
function unitLines(unit: string, paths: readonly string[]): string[] {
  if (paths.length <= MAX_PATHS) return paths.map((path) => `${path}  (${unit})`);
  return [...paths.slice(0, MAX_PATHS), `… ${paths.length - MAX_PATHS} more`].map((path) => `${path}  (${unit})`);
}
