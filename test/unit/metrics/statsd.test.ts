import assert from "node:assert/strict";
import { test } from "node:test";
import { metricsSchema, type StatsdOptions } from "../../../lib/config/metrics-options.ts";
import { statsdOutput, statsdPackets } from "../../../lib/metrics/statsd.ts";
import { published } from "../../support/published.ts";

function options(more: Partial<StatsdOptions> = {}): StatsdOptions {
  const { statsd } = metricsSchema.parse({ statsd: {} });
  assert.ok(statsd !== undefined);
  return { ...statsd, ...more };
}

test("plain StatsD has its labels in the name; counters are what the run added", () => {
  const [packet] = statsdPackets(published(["my docs"]), options());
  assert.deepEqual(packet?.split("\n").slice(1), [
    "core_backup.fra.my_docs.storage_readable:1|g",
    "core_backup.fra.my_docs.snapshot_bytes.source:1234567890123|g",
    "core_backup.fra.my_docs.runs_total.ok:1|c",
    "core_backup.fra.my_docs.collected_bytes_total.source:5000000000|c",
  ]);
});

test("DogStatsD has tags, of which no name of a job can make two", () => {
  const [packet] = statsdPackets(published(["a,b|c#d\ne"]), options({ format: "dogstatsd", prefix: "backups" }));
  assert.equal(packet?.split("\n")[1], "backups.storage_readable:1|g|#site:fra,backup_job:a_b_c_d_e");
  assert.equal(packet?.split("\n")[3], "backups.runs_total:1|c|#site:fra,backup_job:a_b_c_d_e,status:ok");
});

test("no packet is longer than it may be, and none is cut within a line", () => {
  const names = Array.from({ length: 40 }, (_, n) => `job-${n}`);
  const packets = [...statsdPackets(published(names), options({ max_packet_bytes: 512 }))];
  assert.ok(packets.length > 10);
  for (const packet of packets) {
    assert.ok(Buffer.byteLength(packet) <= 512);
    for (const line of packet.split("\n")) assert.match(line, /^[a-z0-9_.-]+:\d+\|[gc]$/i);
  }
  assert.equal(packets.join("\n").split("\n").length, 40 * 5);
});

test("a port that nobody listens on, and a name that does not resolve, are errors that name them", async () => {
  // Below those that a system gives away, so that no other test has it.
  const port = 1;
  const { signal } = new AbortController();
  await assert.rejects(statsdOutput(options({ port })).publish(published(["docs"]), signal), {
    code: "METRICS_UNREACHABLE",
    message: new RegExp(`^127.0.0.1:${port} cannot be reached: .*ECONNREFUSED`),
  });
  await assert.rejects(statsdOutput(options({ host: "nowhere.invalid" })).publish(published(["docs"]), signal), {
    message: /^nowhere.invalid:8125 cannot be reached: /,
  });
});
