import type { Config, Job } from "../../lib/config/schema.ts";
import { IntegrityError } from "../../lib/errors.ts";
import { formatBytes, formatDuration } from "../../lib/format.ts";
import { location } from "../../lib/location.ts";
import type { Manifest } from "../../lib/manifest.ts";
import { printable } from "../../lib/printable.ts";
import type { SnapshotEntry } from "../../lib/snapshot-entry.ts";
import { theJob, theSnapshot } from "../chosen-snapshot.ts";
import type { Command } from "../command.ts";
import type { Output } from "../output.ts";
import { withBackup } from "../session.ts";
import { beforehand } from "../set-up.ts";
import { table } from "../table.ts";
import { narrowingText, statusPaint, unitTable } from "../unit-table.ts";

export const showCommand: Command = async (context) =>
  withBackup(context, { sources: false }, async (backup) => {
    const job = theJob(backup.config, context.options);
    const entry = await beforehand(theSnapshot(backup, job, context.options.snapshot));
    const { manifest, fault } = entry;
    if (manifest === undefined) {
      throw new IntegrityError(
        fault?.code ?? "INTEGRITY_MANIFEST",
        fault?.message ?? `${entry.snapshot} has no manifest that can be read`,
      );
    }
    context.output.result({ text: showText(backup.config, job, entry, manifest, context.output), json: manifest });
    return 0;
  });

function showText(config: Config, job: Job, entry: SnapshotEntry, manifest: Manifest, output: Output): string {
  const { paint, width } = output;
  const { verification } = entry;
  const artifacts = manifest.units.flatMap((unit) => unit.artifacts);
  const errors = manifest.units.flatMap(({ id, error }) =>
    error === undefined ? [] : [`${id}: ${error.code}: ${error.message}`],
  );
  const warnings = manifest.warnings.map(
    ({ code, message, unit }) => `${unit === undefined ? "" : `${unit}: `}${code}: ${message}`,
  );
  return [
    `${paint("bold", printable(manifest.job))}  ${manifest.snapshot}  ${statusPaint(manifest.status, paint)(manifest.status)}${narrowingText(manifest.only)}\n`,
    `run ${manifest.run}, begun ${manifest.startedAt}, took ${formatDuration(manifest.durationMs)}\n`,
    verification === undefined
      ? "never verified\n"
      : `${verification.ok ? "verified" : "WRONG"} ${verification.verifiedAt}\n`,
    `in ${printable(location(config, job, manifest.snapshot))}\n`,
    `\n${unitTable(manifest.units, verification, output)}`,
    artifacts.length === 0 ? "" : `\n${artifactTable(artifacts, width)}`,
    list(paint("red", "failures:"), errors),
    list(paint("yellow", "warnings:"), warnings),
  ].join("");
}

function artifactTable(artifacts: Manifest["units"][number]["artifacts"], width: number | undefined): string {
  const columns = [
    { title: "artifact", shrink: true },
    { title: "stored", align: "right" as const },
    { title: "sha256" },
    { title: "brought back without core-backup by" },
  ];
  const rows = artifacts.map(({ path, bytes, sha256, restore }) => [
    path,
    formatBytes(bytes),
    `${sha256.slice(0, 12)}…`,
    restore,
  ]);
  return table(columns, rows, width);
}

function list(title: string, lines: readonly string[]): string {
  return lines.length === 0 ? "" : `\n${title}\n${lines.map((line) => `  ${printable(line)}\n`).join("")}`;
}
