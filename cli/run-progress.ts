import { formatBytes, formatCount, formatDuration } from "../lib/format.ts";
import type { Log } from "../lib/log.ts";
import type { ManifestUnit } from "../lib/manifest.ts";
import type { RunEvent } from "../lib/progress.ts";
import type { CommandContext } from "./command.ts";
import { progressBoard } from "./progress.ts";
import { unitStatus } from "./unit-table.ts";

export interface RunProgress {
  /** True where progress is redrawn in place; else it is told in lines. */
  readonly drawn: boolean;
  /** Units that have ended, by job. What is known of a run that was interrupted and so has no manifest. */
  readonly seen: ReadonlyMap<string, readonly ManifestUnit[]>;
  hear(event: RunEvent, log: Log): void;
  /** Takes the drawing away. */
  end(): void;
}

const REDRAW_MS = 100;

/** On a terminal a board redrawn in place; elsewhere, and with `--log json`, a line when a unit starts and ends. */
export function runProgress({ output, options, now }: CommandContext): RunProgress {
  const seen = new Map<string, ManifestUnit[]>();
  const live = options.quiet || options.log === "json" ? undefined : output.live;
  const remember = (event: RunEvent) => {
    if (event.type === "unit-ended" || event.type === "unit-kept")
      seen.set(event.job, [...(seen.get(event.job) ?? []), event.result]);
  };
  if (live === undefined) {
    const tell = eventLines(options.log === "json");
    return { drawn: false, seen, hear: both(remember, tell), end: () => {} };
  }
  const clock = () => now().getTime();
  const board = progressBoard(clock());
  const draw = () => live.draw(board.lines(clock(), { columns: live.columns, rows: live.rows - 1 }));
  draw();
  const timer = setInterval(draw, REDRAW_MS);
  const end = () => {
    clearInterval(timer);
    live.clear();
  };
  return { drawn: true, seen, hear: both(remember, (event) => board.hear(event, clock())), end };
}

function both(first: (event: RunEvent) => void, second: (event: RunEvent, log: Log) => void) {
  return (event: RunEvent, log: Log) => {
    first(event);
    second(event, log);
  };
}

/** A failed unit has its line from the step itself, with its code. */
export function eventLines(withFields: boolean): (event: RunEvent, log: Log) => void {
  const runs = new Map<string, string>();
  return (event, log) => {
    if (event.type === "planned") runs.set(event.job, event.run);
    const about = log.with({ job: event.job, run: runs.get(event.job) });
    if (event.type === "unit-started") {
      about.info("started", { unit: event.unit, ...(withFields ? { expectedBytes: event.expectedBytes } : {}) });
    } else if (event.type === "unit-ended" && event.result.status !== "failed") {
      about.info(...endLine(event.unit, event.result, withFields));
    } else if (event.type === "unit-kept") {
      about.info("was collected before, and is kept", { unit: event.unit });
    } else if (event.type === "verifying") {
      about.info(`verifying ${formatCount(event.artifacts, "artifact")}`);
    }
  };
}

function endLine(unit: string, result: ManifestUnit, withFields: boolean): [string, Record<string, string | number>] {
  const sum = (of: "bytes" | "sourceBytes") => result.artifacts.reduce((total, artifact) => total + artifact[of], 0);
  const { durationMs } = result;
  if (withFields) {
    const { status, artifacts } = result;
    return [
      "ended",
      { unit, status, artifacts: artifacts.length, sourceBytes: sum("sourceBytes"), bytes: sum("bytes"), durationMs },
    ];
  }
  const sizes = `${formatBytes(sum("sourceBytes"))} -> ${formatBytes(sum("bytes"))} in ${formatDuration(durationMs)}`;
  return [`${unitStatus(result)}, ${sizes}`, { unit }];
}
