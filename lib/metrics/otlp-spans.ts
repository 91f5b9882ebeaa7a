import { createHash } from "node:crypto";
import type { RunTrace } from "../measures/run-trace.ts";
import type { OtlpSettings } from "./otlp-settings.ts";

type Value = { readonly stringValue: string } | { readonly intValue: string };

/** As JSON of https://github.com/open-telemetry/opentelemetry-proto/blob/main/opentelemetry/proto/trace/v1/trace.proto */
export interface OtlpSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly { readonly key: string; readonly value: Value }[];
  readonly status: { readonly code?: number; readonly message?: string };
}

const INTERNAL = 1;
const ERROR = 2;

/**
 * A span for the run, one for each step, and one for each unit below the step that collected it. Ids come from what the run
 * is, so that sending again gives the same spans. Pure.
 */
export function* spansOf(trace: RunTrace, parent: OtlpSettings["parent"]): Generator<OtlpSpan> {
  const seed = `${trace.job}\n${trace.startedAt}\n${trace.run ?? trace.snapshot ?? ""}`;
  const traceId = parent?.traceId ?? digest(seed, 32);
  const idOf = (what: string) => digest(`${seed}\n${what}`, 16);
  const root = idOf("run");
  const about = { "core_backup.job": trace.job, "core_backup.service": trace.service };
  const span = (
    spanId: string,
    parentSpanId: string | undefined,
    name: string,
    { startedAt, endedAt }: { readonly startedAt: string; readonly endedAt: string },
    attributes: Readonly<Record<string, string | number>>,
    error?: { readonly code: string; readonly message?: string },
  ): OtlpSpan => ({
    traceId,
    spanId,
    ...(parentSpanId === undefined ? {} : { parentSpanId }),
    name,
    kind: INTERNAL,
    startTimeUnixNano: nanoseconds(startedAt),
    endTimeUnixNano: nanoseconds(endedAt),
    attributes: Object.entries({
      ...about,
      ...attributes,
      ...(error === undefined ? {} : { "error.type": error.code }),
    }).map(([key, value]) => ({ key, value: typed(value) })),
    status: error === undefined ? {} : { code: ERROR, message: error.message ?? error.code },
  });

  const failed = trace.error ?? (trace.status === "ok" ? undefined : { code: trace.status });
  yield span(
    root,
    parent?.spanId,
    "run",
    trace,
    {
      "core_backup.status": trace.status,
      ...(trace.snapshot === undefined ? {} : { "core_backup.snapshot": trace.snapshot }),
      ...(trace.run === undefined ? {} : { "core_backup.run": trace.run }),
    },
    failed,
  );
  for (const step of trace.steps) {
    const error = step.errorCode === undefined ? undefined : { code: step.errorCode };
    yield span(idOf(`step ${step.name}`), root, step.name, step, {}, error);
  }
  const collect = trace.steps.some(({ name }) => name === "collect") ? idOf("step collect") : root;
  for (const unit of trace.units) {
    yield span(
      idOf(`unit ${unit.id}`),
      collect,
      "unit",
      unit,
      {
        "core_backup.unit": unit.id,
        "core_backup.status": unit.status,
        "core_backup.attempts": unit.attempts,
        "core_backup.artifacts": unit.artifacts,
        "core_backup.source_bytes": unit.sourceBytes,
        "core_backup.stored_bytes": unit.bytes,
      },
      unit.status === "failed" ? (unit.error ?? { code: "failed" }) : undefined,
    );
  }
}

const digest = (text: string, length: number): string =>
  createHash("sha256").update(text).digest("hex").slice(0, length);

const nanoseconds = (time: string): string => `${BigInt(Date.parse(time)) * 1_000_000n}`;

const typed = (value: string | number): Value =>
  typeof value === "string" ? { stringValue: value } : { intValue: String(value) };
