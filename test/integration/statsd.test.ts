import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { metricsSchema } from "../../lib/config/metrics-options.ts";
import { statsdOutput } from "../../lib/metrics/statsd.ts";
import { noPrometheusPeers, startStatsdExporter } from "../support/prometheus-peers.ts";
import { published } from "../support/published.ts";

const { signal } = new AbortController();

function output(port: number, format: "statsd" | "dogstatsd") {
  const { statsd } = metricsSchema.parse({ statsd: { port, format } });
  assert.ok(statsd !== undefined);
  return statsdOutput(statsd);
}

describe("a real StatsD server", { skip: noPrometheusPeers }, () => {
  test("understands DogStatsD's tags, and adds up what runs added", async () => {
    await using exporter = await startStatsdExporter();
    for (let run = 0; run < 3; run += 1) await output(exporter.port, "dogstatsd").publish(published(["docs"]), signal);
    await untilEqual(exporter, 'core_backup_runs_total{backup_job="docs",site="fra",status="ok"}', 3);
    const text = await exporter.scrape();
    assert.match(
      text,
      /^core_backup_snapshot_bytes\{backup_job="docs",side="source",site="fra"\} 1.234567890123e\+12$/m,
    );
    assert.doesNotMatch(text, /^statsd_exporter_sample_errors_total.* [1-9]/m);
  });

  test("understands plain lines", async () => {
    await using exporter = await startStatsdExporter();
    await output(exporter.port, "statsd").publish(published(["docs"]), signal);
    await untilEqual(exporter, "core_backup_fra_docs_runs_total_ok", 1);
    assert.match(await exporter.scrape(), /^core_backup_fra_docs_snapshot_bytes_source 1.234567890123e\+12$/m);
  });
});

/** Datagrams are read when they are read. */
async function untilEqual(exporter: Awaited<ReturnType<typeof startStatsdExporter>>, series: string, value: number) {
  let text = "";
  for (let tries = 0; tries < 100; tries += 1) {
    text = await exporter.scrape();
    if (text.split("\n").includes(`${series} ${value}`)) return;
    await new Promise((done) => setTimeout(done, 50));
  }
  assert.fail(`no ${series} ${value} in:\n${text}`);
}
