import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { metricFamilies } from "../../lib/measures/metric-families.ts";
import { dashboardText } from "../../scripts/dashboard.ts";
import { noPromtool, promtool } from "../support/promtool.ts";

const FOLDER = new URL("../../config/monitoring/", import.meta.url);
const read = (name: string) => readFile(new URL(name, FOLDER), "utf8");
const namesIn = (text: string) => new Set(text.match(/core_backup_\w+/g) ?? []);
/** What alerts go by alone, and what says no more than another one that is shown. */
const LEFT_OUT = new Set([
  "core_backup_storage_readable",
  "core_backup_last_success_timestamp_seconds",
  "core_backup_proof_expected",
  "core_backup_running",
  "core_backup_running_since_timestamp_seconds",
  "core_backup_snapshot_artifacts",
  "core_backup_last_run_started_timestamp_seconds",
  "core_backup_last_run_ended_timestamp_seconds",
  "core_backup_last_run_lease_wait_seconds",
]);
const known: ReadonlySet<string> = new Set(metricFamilies.map(({ name }) => name));

test("dashboard.json is what scripts/dashboard.ts makes", async () => {
  assert.equal(await read("dashboard.json"), dashboardText());
});

test("the dashboard asks for metrics that there are, and shows all but those that are left out on purpose", async () => {
  const asked = namesIn(await read("dashboard.json"));
  assert.deepEqual(
    [...asked].filter((name) => !known.has(name)),
    [],
  );
  assert.deepEqual(new Set([...known].filter((name) => !asked.has(name))), LEFT_OUT);
  const panels: { id: number; gridPos: { x: number; y: number; w: number } }[] = JSON.parse(dashboardText()).panels;
  assert.equal(new Set(panels.map(({ id }) => id)).size, panels.length);
  assert.equal(new Set(panels.map(({ gridPos: { x, y } }) => `${x} ${y}`)).size, panels.length);
  for (const { gridPos } of panels) assert.ok(gridPos.x + gridPos.w <= 24);
});

test("promtool takes every query of the dashboard, and none with a bracket less", { skip: noPromtool }, async () => {
  const { panels } = JSON.parse(await read("dashboard.json")) as { panels: { targets: { expr: string }[] }[] };
  const queries = panels.flatMap(({ targets }) => targets.map(({ expr }) => expr.replaceAll("$job", ".+")));
  assert.ok(queries.length >= panels.length && queries.every((query) => !query.includes("$")));
  const folder = await mkdtemp(join(tmpdir(), "core-backup-dashboard-"));
  try {
    const checked = async (exprs: readonly string[]) => {
      const rules = exprs.map((expr, n) => ({ record: `query:${n}`, expr }));
      const file = join(folder, "queries.json");
      await writeFile(file, JSON.stringify({ groups: [{ name: "dashboard", rules }] }));
      return promtool(["check", "rules", file]);
    };
    const { code, output } = await checked(queries);
    assert.equal(code, 0, output);
    assert.match(output, new RegExp(`${queries.length} rules found`));
    const broken = await checked(queries.map((query, n) => (n === 0 ? query.replace("}", "") : query)));
    assert.notEqual(broken.code, 0);
    assert.match(broken.output, /query:0/);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("every alert has a test, and both know only metrics that there are", async () => {
  const [rules, tests] = [await read("alerts.yml"), await read("alerts-test.yml")];
  for (const name of [...namesIn(rules), ...namesIn(tests)]) assert.ok(known.has(name), name);
  const alerts = [...rules.matchAll(/alert: (\w+)/g)].map(([, name]) => name);
  assert.ok(alerts.length >= 8);
  for (const alert of alerts) {
    assert.match(tests, new RegExp(`alertname: ${alert}\\n\\s+exp_alerts:\\n`), `${alert} is never expected to fire`);
  }
});

test("promtool's own test of the alerts passes", { skip: noPromtool }, () => {
  const { code, output } = promtool(["test", "rules", new URL("alerts-test.yml", FOLDER).pathname]);
  assert.equal(code, 0, output);
});
