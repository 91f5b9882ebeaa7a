import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { metricFamilies } from "../../lib/measures/metric-families.ts";
import { dashboardText } from "../../scripts/dashboard.ts";
import { noPromtool, promtool } from "../support/promtool.ts";

const FOLDER = new URL("../../config/monitoring/", import.meta.url);
const read = (name: string) => readFile(new URL(name, FOLDER), "utf8");
const namesIn = (text: string) => new Set(text.match(/core_backup_\w+/g) ?? []);
const known: ReadonlySet<string> = new Set(metricFamilies.map(({ name }) => name));

test("dashboard.json is what scripts/dashboard.ts makes", async () => {
  assert.equal(await read("dashboard.json"), dashboardText());
});

test("the dashboard asks for metrics that there are, and shows every one that is worth a look", async () => {
  const asked = namesIn(await read("dashboard.json"));
  for (const name of asked) assert.ok(known.has(name), name);
  const panels: { id: number; gridPos: { x: number; y: number; w: number } }[] = JSON.parse(dashboardText()).panels;
  assert.equal(new Set(panels.map(({ id }) => id)).size, panels.length);
  assert.equal(new Set(panels.map(({ gridPos: { x, y } }) => `${x} ${y}`)).size, panels.length);
  for (const { gridPos } of panels) assert.ok(gridPos.x + gridPos.w <= 24);
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
