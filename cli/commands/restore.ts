import { resolve } from "node:path";
import { type RestoreResult, restore } from "../../lib/restore.ts";
import { checkUnit, theJob, theSnapshot } from "../chosen-snapshot.ts";
import type { Command } from "../command.ts";
import { formatCount } from "../format.ts";
import type { Paint } from "../output.ts";
import { withBackup } from "../session.ts";
import { printable } from "../text-width.ts";
import { UsageError } from "../usage-error.ts";

const MAX_PATHS = 5;

export const restoreCommand: Command = async (context) =>
  withBackup(context, { sources: false }, async (backup) => {
    const { options, output } = context;
    const { to, unit, force } = options;
    if (to === undefined || to === "") throw new UsageError("--to is missing");
    const job = theJob(backup.config, options);
    const entry = await theSnapshot(await backup.storage(job), job, options.snapshot ?? "latest");
    checkUnit(entry, unit);
    const restored = await restore(backup, { job: job.name, snapshot: entry.snapshot, unit, to, force });
    output.result({ text: restoredText(restored, to, output.paint), json: { ...restored, to: resolve(to) } });
    return restored.incomplete.length === 0 ? 0 : 1;
  });

function restoredText({ job, snapshot, files, incomplete }: RestoreResult, to: string, paint: Paint): string {
  const lines = [...Map.groupBy(files, ({ unit }) => unit)].flatMap(([unit, paths]) =>
    unitLines(
      unit,
      paths.map(({ path }) => path),
    ),
  );
  const missing = incomplete.map(({ unit, reason }) => `  ${printable(`${unit}: ${reason}`)}\n`);
  const head = `restored ${formatCount(files.length, "path")} of ${printable(job)} ${snapshot} into ${printable(to)}\n`;
  return (
    head +
    lines.map((line) => `  ${printable(line)}\n`).join("") +
    (missing.length === 0 ? "" : `${paint("yellow", "not whole, since the backup was not:")}\n${missing.join("")}`)
  );
}

/** A tree has more paths than anyone reads; `--json` has them all. */
function unitLines(unit: string, paths: readonly string[]): string[] {
  if (paths.length <= MAX_PATHS) return paths.map((path) => `${path}  (${unit})`);
  return [...paths.slice(0, MAX_PATHS), `… ${paths.length - MAX_PATHS} more`].map((path) => `${path}  (${unit})`);
}
