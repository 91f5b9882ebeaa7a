import assert from "node:assert/strict";
import { test } from "node:test";
import { otlpOutput } from "../../../lib/metrics/otlp.ts";
import { otlpSettings } from "../../../lib/metrics/otlp-settings.ts";
import { spansOf } from "../../../lib/metrics/otlp-spans.ts";
import { createRedaction } from "../../../lib/secrets/redaction.ts";
import { aTrace } from "../../support/a-trace.ts";
import { published } from "../../support/published.ts";
import { startRecordingServer } from "../../support/recording-server.ts";

const { signal } = new AbortController();
const ENDPOINT = "http://collector:4318";

test("without an endpoint, and where it is switched off, there are no traces", () => {
  assert.equal(otlpSettings({}), undefined);
  assert.equal(otlpSettings({ OTEL_EXPORTER_OTLP_ENDPOINT: "" }), undefined);
  assert.equal(otlpSettings({ OTEL_EXPORTER_OTLP_ENDPOINT: ENDPOINT, OTEL_SDK_DISABLED: "true" }), undefined);
  assert.equal(otlpSettings({ OTEL_EXPORTER_OTLP_ENDPOINT: ENDPOINT, OTEL_TRACES_EXPORTER: "none" }), undefined);
});

test("OpenTelemetry's variables are read as its specification says", () => {
  const env = {
    OTEL_EXPORTER_OTLP_ENDPOINT: `${ENDPOINT}/`,
    OTEL_EXPORTER_OTLP_HEADERS: "authorization=Bearer%20abc, x-tenant = a%2Cb",
    OTEL_EXPORTER_OTLP_TIMEOUT: "2500",
    OTEL_RESOURCE_ATTRIBUTES: "service.name=nightly,deployment.environment=prod",
    TRACEPARENT: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
  };
  assert.deepEqual(otlpSettings(env), {
    url: `${ENDPOINT}/v1/traces`,
    headers: { authorization: "Bearer abc", "x-tenant": "a,b" },
    timeoutMs: 2500,
    resource: { "service.name": "nightly", "deployment.environment": "prod" },
    parent: { traceId: "0af7651916cd43dd8448eb211c80319c", spanId: "b7ad6b7169203331" },
  });
  const own = { ...env, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "http://other/as-it-is", OTEL_SERVICE_NAME: "backup" };
  assert.equal(otlpSettings(own)?.url, "http://other/as-it-is");
  assert.equal(otlpSettings(own)?.resource["service.name"], "backup");
});

test("a run is a span, its steps are below it, and units below the step that collected them", () => {
  const spans = [...spansOf(aTrace(), undefined)];
  const nameOf = (id: string | undefined) => spans.find(({ spanId }) => spanId === id)?.name;
  assert.deepEqual(
    spans.map(({ name, parentSpanId, status }) => [name, nameOf(parentSpanId), status.code]),
    [
      ["run", undefined, 2],
      ["plan", "run", undefined],
      ["collect", "run", undefined],
      ["unit", "collect", undefined],
      ["unit", "collect", 2],
    ],
  );
  assert.equal(new Set(spans.map(({ spanId }) => spanId)).size, spans.length);
  assert.deepEqual([...spansOf(aTrace(), undefined)], spans, "sent again they are the same spans");
  const below = [...spansOf(aTrace(), { traceId: "a".repeat(32), spanId: "b".repeat(16) })];
  assert.equal(below[0]?.parentSpanId, "b".repeat(16));
  assert.ok(below.every(({ traceId }) => traceId === "a".repeat(32)));
});

test("spans that a collector did not take are told, and a header's secret is known to redaction", async () => {
  const partial = { partialSuccess: { rejectedSpans: "2", errorMessage: "over quota" } };
  await using server = await startRecordingServer(() => ({ status: 200, body: JSON.stringify(partial) }));
  const settings = otlpSettings({
    OTEL_EXPORTER_OTLP_ENDPOINT: server.url,
    OTEL_EXPORTER_OTLP_HEADERS: "authorization=canary-otlp-4720",
  });
  assert.ok(settings !== undefined);
  const redaction = createRedaction();
  await assert.rejects(otlpOutput(settings, redaction).publish(published(["docs"]), signal), {
    code: "METRICS_REFUSED",
    message: /took all but 2 spans: over quota$/,
  });
  assert.equal(server.calls[0]?.headers.authorization, "canary-otlp-4720");
  assert.equal(server.calls[0].body, '{"resourceSpans":[]}');
  assert.equal(redaction.redact("canary-otlp-4720"), "***");
});

test("many units are several requests", async () => {
  await using server = await startRecordingServer(() => ({ status: 200, body: "{}" }));
  const settings = otlpSettings({ OTEL_EXPORTER_OTLP_ENDPOINT: server.url });
  assert.ok(settings !== undefined);
  const [unit] = aTrace().units;
  assert.ok(unit !== undefined);
  const units = Array.from({ length: 1_200 }, (_, n) => ({ ...unit, id: `unit-${n}` }));
  const trace = { ...aTrace(), units };
  const { jobs, ...rest } = published(["docs"]);
  await otlpOutput(settings, createRedaction()).publish(
    { ...rest, jobs: jobs.map((job) => ({ ...job, trace })) },
    signal,
  );
  const counts = server.calls.map(({ body }) => JSON.parse(body).resourceSpans[0].scopeSpans[0].spans.length);
  assert.deepEqual(counts, [500, 500, 203]);
});
