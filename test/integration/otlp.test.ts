import assert from "node:assert/strict";
import { rename } from "node:fs/promises";
import { describe, test } from "node:test";
import { coreBackup, document, temporaryFolder } from "../e2e/core-backup.ts";
import { filesJob } from "../e2e/files-job.ts";
import { noOtlpReceiver, startOtlpReceiver } from "../support/otlp-receiver.ts";

describe("the reader of OpenTelemetry's collector", { skip: noOtlpReceiver }, () => {
  test("takes the spans of real runs, good and bad", async (t) => {
    await using receiver = await startOtlpReceiver();
    const job = await filesJob(await temporaryFolder(t));
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url, OTEL_SERVICE_NAME: "nightly" };
    const good = await coreBackup(["run", "--json", "--config", job.config], { env });
    assert.equal(good.code, 0, JSON.stringify(good));
    const { metrics, runs } = document(good) as { metrics: unknown; runs: { warnings: unknown[]; run: string }[] };
    assert.deepEqual(metrics, [{ output: "otlp", ok: true, attempts: 1 }]);
    assert.deepEqual(runs[0]?.warnings, []);
    const spans = await receiver.spans();
    assert.deepEqual(
      spans.map(({ name }) => name),
      ["run", "plan", "collect", "finish", "verify", "prune", "unit"],
    );
    const [run, ...others] = spans;
    assert.ok(run !== undefined);
    assert.ok(others.every(({ traceId }) => traceId === run.traceId));
    for (const { startTimeUnixNano, endTimeUnixNano } of others) {
      assert.ok(BigInt(startTimeUnixNano) >= BigInt(run.startTimeUnixNano) - 1_000_000_000n);
      assert.ok(BigInt(endTimeUnixNano) <= BigInt(run.endTimeUnixNano) + 1_000_000_000n);
    }
    assert.ok(run.attributes.some(({ key, value }) => key === "core_backup.run" && value.stringValue === runs[0]?.run));
    await rename(job.source, `${job.source}-gone`);
    assert.equal((await coreBackup(["run", "--config", job.config], { env })).code, 1);
    const failed = (await receiver.spans()).filter(({ status }) => status.code === 2);
    assert.deepEqual(
      failed.map(({ name, attributes }) => [
        name,
        attributes.find(({ key }) => key === "error.type")?.value.stringValue,
      ]),
      [
        ["run", "failed"],
        ["unit", "SOURCE_NOT_FOUND"],
      ],
    );
  });

  test("refuses what the schema does not have", async () => {
    await using receiver = await startOtlpReceiver();
    const span = {
      traceId: "a".repeat(32),
      spanId: "b".repeat(16),
      name: "n",
      startTimeUnixNano: "1",
      endTimeUnixNano: "2",
    };
    const send = async (more: object) => {
      const body = JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans: [{ ...span, ...more }] }] }] });
      return (
        await fetch(`${receiver.url}/v1/traces`, {
          method: "POST",
          body,
          headers: { "content-type": "application/json" },
        })
      ).status;
    };
    assert.equal(await send({}), 200);
    assert.equal(await send({ duration: 1 }), 400);
    assert.equal(await send({ spanId: "short" }), 400);
    assert.equal(await send({ endTimeUnixNano: "0" }), 400);
  });
});
