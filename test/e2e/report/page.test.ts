import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import type { AxeResults } from "axe-core";
import type { Page } from "puppeteer-core";
import { browserMissing, screenshot, startBrowser } from "../../support/browser.ts";
import { coreBackup, document, temporaryFolder } from "../core-backup.ts";
import { aStore, HOSTILE } from "./a-store.ts";

interface Listed {
  readonly job: string;
  readonly snapshot: string;
  readonly bytes: number;
  readonly sourceBytes: number;
  readonly units: number;
  readonly artifacts: number;
  readonly proved: number;
}

interface Figures {
  readonly snapshots: number;
  readonly bytes: number;
  readonly runs: readonly { readonly id: string; readonly values: readonly number[] }[];
}

/** What runs in the browser is text: its types are not those of Node. */
const SHOWN = `[...document.querySelectorAll(".run")]
  .filter((one) => getComputedStyle(one).display !== "none").map((one) => one.textContent)`;
const FIGURES = `({
  snapshots: Number(document.querySelector("#snapshots").value),
  bytes: Number(document.querySelector("#bytes").value),
  runs: [...document.querySelectorAll("section.run")].map((one) => (
    { id: one.id, values: [...one.querySelectorAll("data")].map(({ value }) => Number(value)) })),
})`;

const LOOKS = [
  { name: "light", scheme: "light", width: 1280, height: 1000 },
  { name: "dark", scheme: "dark", width: 1280, height: 1000 },
  { name: "phone", scheme: "light", width: 390, height: 844 },
] as const;

const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

test("in a browser, light, dark and on a phone: nothing is fetched or fails, and axe finds nothing", {
  skip: browserMissing(),
}, async (t) => {
  const { url } = await writtenPage(await temporaryFolder(t), 3, 70);
  await using started = await startBrowser();
  for (const { name, scheme, width, height } of LOOKS) {
    const page = await started.browser.newPage();
    const asked: string[] = [];
    const faults: string[] = [];
    page.on("request", (request) => asked.push(request.url()));
    page.on("console", (message) => faults.push(message.text()));
    await page.setViewport({ width, height });
    await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
    await page.goto(url);
    assert.deepEqual(asked, [url]);
    await screenshot(page, `report-${name}`);
    const scrolls = await page.evaluate("document.documentElement.scrollWidth > innerWidth");
    assert.equal(scrolls, false, `${name} is wider than its window`);
    await page.$$eval("details", (all) => {
      for (const one of all) one.setAttribute("open", "");
    });
    assert.deepEqual(await violations(page), [], name);
    assert.deepEqual(faults, [], name);
    await page.close();
  }
});

test("a day leads to the run of that day, with its units, its errors and the command to have it back", {
  skip: browserMissing(),
}, async (t) => {
  const { url } = await writtenPage(await temporaryFolder(t), 2, 70);
  await using started = await startBrowser();
  const page = await started.browser.newPage();
  await page.setViewport({ width: 1280, height: 1000 });
  await page.goto(url);
  await page.click('.days a[title*="partial"]');
  const shown = (await page.evaluate(SHOWN)) as string[];
  assert.equal(shown.length, 1);
  assert.match(shown[0] ?? "", /partial/);
  assert.match(shown[0] ?? "", /SOURCE_UNAVAILABLE unit-0: the source did not answer <b>at all<\/b>\\x1b\[31m/);
  assert.match(shown[0] ?? "", /Well: unit-1, unit-2, unit-3\./);
  assert.match(shown[0] ?? "", /core-backup restore --config \S+ --job job-0 --snapshot \S+Z --to \.\/restored/);
  assert.deepEqual(await violations(page), []);
  await screenshot(page, "report-run");
  await page.click(".run:target .close");
  assert.equal(await page.$$eval(".run:target", (all) => all.length), 0);
});

test("of 40 jobs, every figure on the page is that of list --json", {
  skip: browserMissing(),
}, async (t) => {
  const { url, config, jobs } = await writtenPage(await temporaryFolder(t), 40, 62);
  const listed = document(await coreBackup(["list", "--json", "--config", config])) as Listed[];
  await using started = await startBrowser();
  const page = await started.browser.newPage();
  await page.goto(url);
  const figures = (await page.evaluate(FIGURES)) as Figures;
  assert.equal(figures.snapshots, listed.length);
  assert.equal(figures.bytes, sum(listed.map(({ bytes }) => bytes)));
  const byId = new Map(listed.map((one) => [`run-${jobs.indexOf(one.job)}-${one.snapshot}`, one]));
  assert.ok(figures.runs.length > 40 * 50, `${figures.runs.length} runs`);
  for (const { id, values } of figures.runs) {
    const one = byId.get(id);
    assert.ok(one !== undefined, id);
    const [units, artifacts, sourceBytes, bytes, , proved] = values;
    assert.deepEqual(
      { units, artifacts, sourceBytes, bytes, proved },
      {
        units: one.units,
        artifacts: one.artifacts,
        sourceBytes: one.sourceBytes,
        bytes: one.bytes,
        proved: one.proved,
      },
      id,
    );
  }
  assert.ok(jobs.includes(HOSTILE));
});

async function writtenPage(folder: string, jobCount: number, days: number) {
  const store = await aStore(folder, jobCount, days);
  const file = join(folder, "index.html");
  const ended = await coreBackup(["report", "--html", file, "--config", store.config]);
  assert.equal(ended.code, 0, ended.stderr);
  return { ...store, url: pathToFileURL(file).href };
}

/** The page's own policy forbids scripts, also ours: axe is put in by the debugger, which the policy does not bind. */
async function violations(page: Page): Promise<string[]> {
  await page.evaluate(axe);
  const results = (await page.evaluate("axe.run()")) as AxeResults;
  return results.violations.map(
    ({ id, nodes }) =>
      `${id}: ${nodes
        .map(({ html }) => html)
        .join(" ")
        .slice(0, 300)}`,
  );
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, one) => total + one, 0);
