import type { Thresholds } from "../config/notifier-options.ts";
import { formatBytes, formatDuration } from "../format.ts";
import type { Manifest } from "../manifest.ts";

export interface Measured {
  readonly manifest: Manifest;
  /** The last good snapshot before this one. */
  readonly before: Manifest | undefined;
  /** When everything of some snapshot was last proved. */
  readonly provedAt: Date | undefined;
  /** When the job was first run, as far as its snapshots tell. */
  readonly firstRun: Date;
  readonly now: Date;
}

/** Which of the thresholds were passed, each in words. Pure. */
export function passedThresholds(thresholds: Thresholds, measured: Measured): readonly string[] {
  const { manifest, before, provedAt, firstRun, now } = measured;
  const { totals, durationMs } = manifest;
  const passed: string[] = [];
  const { duration_over, bytes_over, unit_failures_over, shrunk_by, grown_by, not_proved_for } = thresholds;
  if (duration_over !== undefined && durationMs > duration_over) {
    passed.push(`took ${formatDuration(durationMs)}, more than duration_over ${formatDuration(duration_over)}`);
  }
  if (bytes_over !== undefined && totals.bytes > bytes_over) {
    passed.push(`takes ${formatBytes(totals.bytes)}, more than bytes_over ${formatBytes(bytes_over)}`);
  }
  if (unit_failures_over !== undefined && totals.failed > unit_failures_over) {
    passed.push(`${totals.failed} units failed, more than unit_failures_over ${unit_failures_over}`);
  }
  passed.push(...sizeChange(manifest, before, shrunk_by, grown_by));
  const unprovedMs = now.getTime() - (provedAt ?? firstRun).getTime();
  if (not_proved_for !== undefined && unprovedMs > not_proved_for) {
    const since = provedAt === undefined ? "was never proved" : `was last proved ${provedAt.toISOString()}`;
    passed.push(`${since}, longer ago than not_proved_for ${formatDuration(not_proved_for)}`);
  }
  return passed;
}

/** By what was read from the source: how well it compresses is no change of it. */
function sizeChange(
  { totals, status, only }: Manifest,
  before: Manifest | undefined,
  shrunkBy: number | undefined,
  grownBy: number | undefined,
): readonly string[] {
  // What failed, or was not asked for, is missing in the sum, and is told as what it is.
  if (before === undefined || before.totals.sourceBytes === 0 || status !== "ok" || only !== undefined) return [];
  const change = totals.sourceBytes / before.totals.sourceBytes - 1;
  const sizes = `from ${formatBytes(before.totals.sourceBytes)} in ${before.snapshot} to ${formatBytes(totals.sourceBytes)}`;
  if (shrunkBy !== undefined && -change >= shrunkBy && change < 0) {
    return [`shrank by ${percent(-change)} ${sizes}, shrunk_by is ${percent(shrunkBy)}`];
  }
  if (grownBy !== undefined && change >= grownBy && change > 0) {
    return [`grew by ${percent(change)} ${sizes}, grown_by is ${percent(grownBy)}`];
  }
  return [];
}

const percent = (fraction: number): string => `${Math.round(fraction * 1000) / 10}%`;
