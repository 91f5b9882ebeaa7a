import type { ErrorRecord } from "../errors.ts";
import { isGood, provedWhen } from "../job-history.ts";
import { entryStatus, type SnapshotEntry } from "../snapshot-entry.ts";

/** What became of a run, as the overview shows it. `narrowed`: good, and of some units of its job alone. */
export type RunState = "proved" | "good" | "narrowed" | "unverified" | "partial" | "failed" | "running";

/** One run, small enough to hold those of all jobs at once. The figures are those of `list --json`. */
export interface RunSummary {
  readonly snapshot: string;
  readonly state: RunState;
  /** As of `list`, or `unfinished` for a run without a manifest. */
  readonly status: ReturnType<typeof entryStatus> | "unfinished";
  readonly service?: string;
  readonly durationMs: number | null;
  readonly bytes: number | null;
  readonly sourceBytes: number | null;
  readonly units: number | null;
  readonly artifacts: number | null;
  readonly verified: boolean;
  readonly proved: number;
  /** How long reading back and restoring into nothing took. */
  readonly verifyMs: number | null;
  readonly errors: readonly RunError[];
  readonly moreErrors: number;
  /** The first ones that are well, by name. */
  readonly wellUnits: readonly string[];
  readonly moreUnits: number;
}

export interface RunError extends Pick<ErrorRecord, "code" | "message"> {
  readonly unit?: string;
}

const MAX_ERRORS = 10;
const MAX_UNITS = 10;

export function runSummary(entry: SnapshotEntry): RunSummary {
  const { snapshot, manifest, verification, verified } = entry;
  const errors = errorsOf(entry);
  const well = (manifest?.units ?? []).filter(({ status }) => status === "ok" || status === "unchanged");
  return {
    snapshot,
    state: stateOf(entry),
    status: entryStatus(entry),
    ...(manifest === undefined ? {} : { service: manifest.service }),
    durationMs: manifest?.durationMs ?? null,
    bytes: manifest?.totals.bytes ?? null,
    sourceBytes: manifest?.totals.sourceBytes ?? null,
    units: manifest?.totals.units ?? null,
    artifacts: manifest?.totals.artifacts ?? null,
    verified,
    proved: verified ? (verification?.proved ?? 0) : 0,
    verifyMs: verification?.durationMs ?? null,
    errors: errors.slice(0, MAX_ERRORS),
    moreErrors: Math.max(0, errors.length - MAX_ERRORS),
    wellUnits: well.slice(0, MAX_UNITS).map(({ id }) => id),
    moreUnits: Math.max(0, well.length - MAX_UNITS),
  };
}

/** A run that has no manifest: it is going on, or it was ended; `failure` is what was recorded of that. */
export function unfinishedSummary(snapshot: string, isRunning: boolean, failure?: ErrorRecord): RunSummary {
  const ended = { code: "INTERRUPTED", message: "the run ended before its manifest was written" } as const;
  const error = failure === undefined ? ended : { code: failure.code, message: failure.message };
  return {
    snapshot,
    state: isRunning ? "running" : "failed",
    status: "unfinished",
    durationMs: null,
    bytes: null,
    sourceBytes: null,
    units: null,
    artifacts: null,
    verified: false,
    proved: 0,
    verifyMs: null,
    errors: isRunning ? [] : [error],
    moreErrors: 0,
    wellUnits: [],
    moreUnits: 0,
  };
}

function stateOf(entry: SnapshotEntry): RunState {
  const { manifest, fault, verified, verification } = entry;
  if (fault !== undefined || manifest === undefined || manifest.status === "failed") return "failed";
  if (manifest.status === "partial") return "partial";
  if (!verified) return verification?.ok === false ? "failed" : "unverified";
  if (!isGood(entry)) return "narrowed";
  return provedWhen(entry, { orSealed: true }) === undefined ? "good" : "proved";
}

function errorsOf({ manifest, verification, fault }: SnapshotEntry): RunError[] {
  const units = (manifest?.units ?? []).flatMap(({ id, error }) =>
    error === undefined ? [] : [{ unit: id, code: error.code, message: error.message }],
  );
  const artifacts = (verification?.artifacts ?? []).flatMap(({ path, error }) =>
    error === undefined ? [] : [{ unit: path, code: error.code, message: error.message }],
  );
  const whole = [...(fault === undefined ? [] : [fault]), ...(verification?.faults ?? [])];
  return [...whole.map(({ code, message }) => ({ code, message })), ...units, ...artifacts];
}

/** Of the whole job and with nothing left out: sizes and times of others say nothing of the job's. */
export const isWhole = ({ state }: RunSummary): boolean =>
  state === "proved" || state === "good" || state === "unverified";
