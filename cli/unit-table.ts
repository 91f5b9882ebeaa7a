import { formatBytes, formatDuration } from "../lib/format.ts";
import type { ManifestUnit, Verification } from "../lib/manifest.ts";
import { printable } from "../lib/printable.ts";
import type { Paint, Style } from "./output.ts";
import { table } from "./table.ts";

const colours: Readonly<Record<string, Style>> = {
  ok: "green",
  unchanged: "green",
  partial: "yellow",
  skipped: "yellow",
  failed: "red",
  damaged: "red",
  interrupted: "yellow",
  stopped: "yellow",
  refused: "yellow",
};

/** A row a unit: what became of it, what was stored, and how that was proved. */
export function unitTable(
  units: readonly ManifestUnit[],
  verification: Verification | undefined,
  { paint, width }: { readonly paint: Paint; readonly width: number | undefined },
): string {
  const columns = [
    { title: "unit", shrink: true },
    { title: "status" },
    { title: "artifacts", align: "right" as const },
    { title: "source -> stored" },
    { title: "time", align: "right" as const },
    { title: "proved" },
  ];
  const rows = units.map((unit) => {
    const status = unitStatus(unit);
    return [
      unit.id,
      { text: status, paint: statusPaint(status, paint) },
      String(unit.artifacts.length),
      sizes(unit),
      formatDuration(unit.durationMs),
      { text: provedHow(unit, verification), paint: provedPaint(paint) },
    ];
  });
  return table(columns, rows, width);
}

/** The sources' figures end in one column: the longest has 8 characters. */
function sizes({ artifacts }: ManifestUnit): string {
  if (artifacts.length === 0) return "-".padStart(8);
  const sum = (of: "bytes" | "sourceBytes") =>
    formatBytes(artifacts.reduce((total, artifact) => total + artifact[of], 0));
  return `${sum("sourceBytes").padStart(8)} -> ${sum("bytes")}`;
}

/** As people are told it: a failed unit that kept artifacts is partial, and one that was stopped was interrupted. */
export function unitStatus(unit: ManifestUnit): string {
  if (unit.status !== "failed") return unit.status;
  if (unit.error?.code === "INTERRUPTED") return "interrupted";
  return unit.artifacts.length > 0 ? "partial" : "failed";
}

/** Behind a status, so that a narrowed snapshot is not taken for one of the whole job. */
export const narrowingText = (only: readonly string[] | undefined): string =>
  only === undefined ? "" : `, narrowed to ${printable(only.join(", "))}`;

export function statusPaint(status: string, paint: Paint): (text: string) => string {
  const colour = colours[status];
  return (text) => (colour === undefined ? text : paint(colour, text));
}

/** The least of its artifacts' proofs: `sealed`, `read`, `restored` or `full`; `no` where one has none, `WRONG` where one does not agree. */
function provedHow(unit: ManifestUnit, verification: Verification | undefined): string {
  if (unit.artifacts.length === 0) return "-";
  const found = new Map(verification?.artifacts.map((one) => [one.path, one]));
  const each = unit.artifacts.map(({ path }) => found.get(path));
  if (each.some((one) => one?.error !== undefined)) return "WRONG";
  const levels = ["no", "sealed", "read", "restored", "full"] as const;
  return levels.find((level) => each.some((one) => (one?.proof?.level ?? "no") === level)) ?? "no";
}

function provedPaint(paint: Paint): (text: string) => string {
  return (text) => (text === "WRONG" ? paint("red", text) : text === "no" ? paint("yellow", text) : text);
}
