import type { Job } from "../config/schema.ts";
import type { ErrorRecord } from "../errors.ts";
import type { ManifestUnit } from "../manifest.ts";
import type { SnapshotEntry } from "../snapshot-entry.ts";
import { documentedSteps } from "./documented-steps.ts";
import type { MeasuredRun, RunMeasures } from "./run-measures.ts";
import type { RunTrace, UnitTime } from "./run-trace.ts";

/** How a run went in time. None for one that was refused, which was no run. Pure. */
export function traceOf(
  { name, service }: Job,
  { status, timing, snapshot, error }: MeasuredRun,
  { startedAt, endedAt }: RunMeasures,
  entry: SnapshotEntry | undefined,
): { readonly trace?: RunTrace } {
  if (status === "refused") return {};
  const manifest = entry?.manifest;
  const trace: RunTrace = {
    job: name,
    service,
    status,
    startedAt,
    endedAt,
    ...(manifest === undefined ? {} : { run: manifest.run }),
    ...(snapshot === undefined ? {} : { snapshot }),
    ...(error === undefined ? {} : { error: shown(error) }),
    steps: timing?.steps ?? (entry === undefined ? [] : documentedSteps(entry)),
    units: (manifest?.units ?? []).flatMap(unitTime),
  };
  return { trace };
}

/** One that never began has no time. */
function unitTime({ id, status, startedAt, durationMs, attempts, artifacts, error }: ManifestUnit): UnitTime[] {
  if (startedAt === undefined) return [];
  const sum = (of: "bytes" | "sourceBytes") => artifacts.reduce((total, artifact) => total + artifact[of], 0);
  return [
    {
      id,
      status,
      startedAt,
      endedAt: new Date(Date.parse(startedAt) + durationMs).toISOString(),
      attempts,
      artifacts: artifacts.length,
      sourceBytes: sum("sourceBytes"),
      bytes: sum("bytes"),
      ...(error === undefined ? {} : { error: shown(error) }),
    },
  ];
}

const shown = ({ code, message }: ErrorRecord) => ({ code, message });
