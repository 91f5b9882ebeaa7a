import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { metricFamilies } from "../../../lib/measures/metric-families.ts";

/** https://prometheus.io/docs/practices/naming/ */
const BASE_UNITS = ["seconds", "bytes"];

test("names follow Prometheus' conventions: prefix, base units, _total for counters and nothing else", () => {
  for (const { name, type, help } of metricFamilies) {
    assert.match(name, /^core_backup_[a-z_]+[a-z]$/);
    assert.equal(name.endsWith("_total"), type === "counter", name);
    assert.doesNotMatch(name, /_(ms|milliseconds|minutes|hours|days|kb|mb|kilobytes|megabytes)(_|$)/);
    if (/_timestamp/.test(name)) assert.ok(name.endsWith("_timestamp_seconds"), name);
    if (/duration|wait/.test(name))
      assert.ok(
        BASE_UNITS.some((unit) => name.replace(/_total$/, "").endsWith(unit)),
        name,
      );
    assert.match(help, /\.$/);
  }
  assert.equal(new Set(metricFamilies.map(({ name }) => name)).size, metricFamilies.length);
});

test("docs/metrics.md has a row for each of them, with its labels and its words", async () => {
  const page = await readFile(new URL("../../../docs/metrics.md", import.meta.url), "utf8");
  const rows = page
    .split("\n")
    .filter((line) => line.startsWith("| `core_backup_"))
    .map((line) =>
      line
        .split("|")
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
  assert.deepEqual(
    rows,
    metricFamilies.map(({ name, type, labels, help }) => [
      `\`${name}\``,
      type,
      labels.map((label) => `\`${label}\``).join(", "),
      help,
    ]),
  );
});
