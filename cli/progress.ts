import { formatBytes, formatClock, formatCount, formatRate } from "../lib/format.ts";
import { printable } from "../lib/printable.ts";
import type { RunEvent } from "../lib/progress.ts";
import { byteRate, type Sample, sampled } from "./rate.ts";
import { shorten, textWidth } from "./text-width.ts";

/** What a terminal shows of a run while it goes on: a line a job, below it a line for each unit being collected. */
export interface ProgressBoard {
  hear(event: RunEvent, nowMs: number): void;
  /** At most `size.rows` lines, each shorter than `size.columns`. */
  lines(nowMs: number, size: { readonly columns: number; readonly rows: number }): string[];
}

interface UnitProgress {
  readonly name: string;
  readonly startedMs: number;
  readonly expectedBytes: number | undefined;
  /** The moment until which the source has us wait. */
  waitsUntilMs: number | undefined;
  samples: readonly Sample[];
}

interface JobProgress {
  readonly name: string;
  readonly units: number;
  readonly startedMs: number;
  readonly running: Map<string, UnitProgress>;
  ended: number;
  failed: number;
  endedBytes: number;
  verifying: { done: number; readonly of: number } | undefined;
}

/** A name shorter than this tells units apart no longer, so figures give way first. */
const MIN_NAME_WIDTH = 16;
const INDENT = "  ";

export function progressBoard(startedMs: number): ProgressBoard {
  const jobs = new Map<string, JobProgress>();
  return {
    hear(event, nowMs) {
      if (event.type === "planned") jobs.set(event.job, newJob(event.job, event.units, nowMs));
      const job = jobs.get(event.job);
      if (job !== undefined) hearJob(job, event, nowMs);
    },
    lines(nowMs, { columns, rows }) {
      const width = columns - 1;
      if (jobs.size === 0) return [fitted("preparing", [formatClock(nowMs - startedMs)], width)];
      return cut(
        [...jobs.values()].map((job) => jobLines(job, nowMs, width)),
        rows,
      );
    },
  };
}

function newJob(name: string, units: number, startedMs: number): JobProgress {
  return { name, units, startedMs, running: new Map(), ended: 0, failed: 0, endedBytes: 0, verifying: undefined };
}

function hearJob(job: JobProgress, event: RunEvent, nowMs: number): void {
  if (event.type === "unit-started") {
    const { unit: name, expectedBytes } = event;
    const samples = [{ atMs: nowMs, bytes: 0 }];
    job.running.set(name, { name, expectedBytes, startedMs: nowMs, waitsUntilMs: undefined, samples });
  } else if (event.type === "unit-bytes") {
    const unit = job.running.get(event.unit);
    if (unit !== undefined) unit.samples = sampled(unit.samples, { atMs: nowMs, bytes: event.sourceBytes });
  } else if (event.type === "unit-waiting") {
    const unit = job.running.get(event.unit);
    if (unit !== undefined) unit.waitsUntilMs = event.until?.getTime();
  } else if (event.type === "unit-kept") {
    job.ended += 1;
  } else if (event.type === "unit-ended") {
    job.running.delete(event.unit);
    job.ended += 1;
    if (event.result.status === "failed") job.failed += 1;
    job.endedBytes += event.result.artifacts.reduce((total, { sourceBytes }) => total + sourceBytes, 0);
  } else if (event.type === "verifying") {
    job.verifying = { done: 0, of: event.artifacts };
  } else if (event.type === "verified" && job.verifying !== undefined) {
    job.verifying.done += 1;
  }
}

function jobLines(job: JobProgress, nowMs: number, width: number): string[] {
  return [jobLine(job, nowMs, width), ...[...job.running.values()].map((unit) => unitLine(unit, nowMs, width))];
}

function jobLine(job: JobProgress, nowMs: number, width: number): string {
  const clock = formatClock(nowMs - job.startedMs);
  if (job.verifying !== undefined) {
    const { done, of } = job.verifying;
    return fitting(
      job.name,
      [[`verified ${done}/${formatCount(of, "artifact")}`, clock], [`verified ${done}/${of}`]],
      width,
    );
  }
  const running = [...job.running.values()];
  const bytes = running.reduce((total, unit) => total + bytesOf(unit), job.endedBytes);
  const rate = running.reduce((total, unit) => total + (byteRate(unit.samples, nowMs) ?? 0), 0);
  const units = `${job.ended}/${formatCount(job.units, "unit")}`;
  const failed = job.failed === 0 ? "" : `${job.failed} failed`;
  const size = formatBytes(bytes);
  const speed = rate > 0 ? formatRate(rate) : "";
  return fitting(
    job.name,
    [
      [failed, units, size, speed, clock],
      [failed, units, size, clock],
      [failed, units, size],
      [failed, units],
      [units],
    ],
    width,
  );
}

function unitLine(unit: UnitProgress, nowMs: number, width: number): string {
  const bytes = bytesOf(unit);
  if (unit.waitsUntilMs !== undefined) {
    const wait = `waiting ${formatClock(Math.max(0, unit.waitsUntilMs - nowMs))}`;
    return fitting(INDENT + unit.name, [[formatBytes(bytes).padStart(8), wait], [wait], []], width);
  }
  const rate = byteRate(unit.samples, nowMs);
  const elapsed = formatClock(nowMs - unit.startedMs).padStart(5);
  const speed = (rate === undefined ? "" : formatRate(rate)).padStart(10);
  const { share, left } = outlook(bytes, unit.expectedBytes, rate);
  const stored = formatBytes(bytes).padStart(8);
  const choices = [
    [stored, share, speed, left, elapsed],
    [stored, share, speed, left],
    [stored, speed, left],
    [stored, speed],
    [stored],
    [],
  ];
  return fitting(INDENT + unit.name, choices, width);
}

/** From the size in the last good snapshot. Past that size nothing is known, so nothing is said. */
function outlook(
  bytes: number,
  expectedBytes: number | undefined,
  rate: number | undefined,
): { share: string; left: string } {
  if (expectedBytes === undefined || expectedBytes === 0 || bytes > expectedBytes)
    return { share: "    ", left: "        " };
  const share = `${Math.floor((bytes / expectedBytes) * 100)}%`.padStart(4);
  const left = rate === undefined || rate === 0 ? "" : `ETA ${formatClock(((expectedBytes - bytes) / rate) * 1000)}`;
  return { share, left: left.padStart(8) };
}

const bytesOf = (unit: UnitProgress): number => unit.samples.at(-1)?.bytes ?? 0;

/** With the first choice of figures that leaves the name, or enough of it. */
function fitting(name: string, choices: readonly (readonly string[])[], width: number): string {
  const least = Math.min(MIN_NAME_WIDTH, textWidth(printable(name)));
  return fitted(name, choices.find((parts) => width - lengthOf(parts) >= least) ?? [], width);
}

const lengthOf = (parts: readonly string[]): number =>
  parts.reduce((total, part) => total + (part === "" ? 0 : part.length + 2), 0);

/** The name to the left, the figures to the right, in exactly `width` cells; a name that is too long is shortened. */
function fitted(name: string, parts: readonly string[], width: number): string {
  const right = parts
    .filter((part) => part !== "")
    .map((part) => `  ${part}`)
    .join("");
  const nameWidth = Math.max(0, width - right.length);
  const short = shorten(printable(name), nameWidth);
  return shorten(`${short}${" ".repeat(nameWidth - textWidth(short))}${right}`, width);
}

/** Jobs before units: what does not fit is counted in a last line. */
function cut(blocks: readonly string[][], rows: number): string[] {
  const all = blocks.flat();
  if (all.length <= rows) return all;
  const room = Math.max(0, rows - 1);
  const heads = blocks.slice(0, room).flatMap((block) => block.slice(0, 1));
  let spare = room - heads.length;
  const kept = blocks.slice(0, room).flatMap((block) => {
    const units = block.slice(1, 1 + spare);
    spare -= units.length;
    return [...block.slice(0, 1), ...units];
  });
  return [...kept, `${INDENT}… ${all.length - kept.length} more`].slice(0, rows);
}
