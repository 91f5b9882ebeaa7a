import * as z from "zod";
import { MetricsError } from "../errors.ts";
import { checkAnswer, hostOf, outsideRequest } from "../outside-request.ts";
import type { Redaction } from "../secrets/redaction.ts";
import { tool } from "../tool.ts";
import type { MetricsOutput } from "./metrics.ts";
import type { OtlpSettings } from "./otlp-settings.ts";
import { type OtlpSpan, spansOf } from "./otlp-spans.ts";
import { requestFaults } from "./request-faults.ts";

const SPANS_AT_ONCE = 500;
const MAX_ANSWER = 64 * 1024;

const answerSchema = z.object({
  partialSuccess: z
    .object({ rejectedSpans: z.coerce.number().default(0), errorMessage: z.string().default("") })
    .optional(),
});

/**
 * Traces to an OpenTelemetry collector: OTLP over HTTP, as JSON. When a run begins an empty request is sent, which a
 * collector answers with success. https://opentelemetry.io/docs/specs/otlp/#otlphttp
 */
export function otlpOutput(settings: OtlpSettings, redaction: Redaction): MetricsOutput {
  for (const value of Object.values(settings.headers)) redaction.add(value);
  return {
    async publish({ jobs }, signal) {
      const spans = jobs.flatMap(({ trace }) => (trace === undefined ? [] : [...spansOf(trace, settings.parent)]));
      for (let start = 0; start === 0 || start < spans.length; start += SPANS_AT_ONCE) {
        await exportSpans(settings, spans.slice(start, start + SPANS_AT_ONCE), signal);
      }
    },
  };
}

async function exportSpans(
  { url, headers, resource }: OtlpSettings,
  spans: readonly OtlpSpan[],
  signal: AbortSignal,
): Promise<void> {
  const attributes = Object.entries({ ...resource, "service.version": tool.version }).map(([key, value]) => ({
    key,
    value: { stringValue: value },
  }));
  const scope = { name: tool.name, version: tool.version };
  const resourceSpans = spans.length === 0 ? [] : [{ resource: { attributes }, scopeSpans: [{ scope, spans }] }];
  const response = await outsideRequest(
    url,
    {
      method: "POST",
      body: JSON.stringify({ resourceSpans }),
      headers: { ...headers, "content-type": "application/json" },
      signal,
    },
    requestFaults,
  );
  if (!response.ok) await checkAnswer(response, url, signal, requestFaults);
  const { partialSuccess } = answerOf((await response.text()).slice(0, MAX_ANSWER));
  if (partialSuccess === undefined || partialSuccess.rejectedSpans === 0) return;
  const { rejectedSpans, errorMessage } = partialSuccess;
  throw new MetricsError("METRICS_REFUSED", `${hostOf(url)} took all but ${rejectedSpans} spans: ${errorMessage}`);
}

/** An answer that is none is a success all the same: its status said so. */
function answerOf(text: string): z.infer<typeof answerSchema> {
  try {
    return answerSchema.parse(JSON.parse(text));
  } catch {
    return {};
  }
}
