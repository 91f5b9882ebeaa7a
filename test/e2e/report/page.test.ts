import assert from "node:assert/strict";
import { readFile, stat, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { AxeResults } from "axe-core";
import type { Page } from "puppeteer-core";
import { formatBytes, formatCount, formatDuration } from "../../../lib/format.ts";
import { snapshotTime } from "../../../lib/keys.ts";
import { waitingPage } from "../../../lib/page/waiting-page.ts";
import { browserMissing, screenshot, startBrowser } from "../../support/browser.ts";
import { coreBackup, document, start, temporaryFolder } from "../core-backup.ts";
import { aStore, HOSTILE, RECORDED_DAYS, storedOn } from "./a-store.ts";

interface Listed {
  readonly job: string;
  readonly snapshot: string;
  readonly status: string;
  readonly bytes: number;
  readonly sourceBytes: number;
  readonly units: number;
  readonly artifacts: number;
  readonly durationMs: number;
  readonly verified: boolean;
  readonly proved: number;
  readonly verifyMs: number;
}

interface Cell {
  readonly title: string;
  readonly state: string;
  readonly href: string | null;
  /** Whether it looks as the legend says that its words look. */
  readonly isOfLegend: boolean;
}

interface Figures {
  readonly at: string;
  /** Each figure with what a person reads of it. */
  readonly read: readonly (readonly [value: string, text: string])[];
  readonly looks: readonly string[];
  readonly elements: number;
  readonly head: readonly number[];
  /** Of what is stored in all. */
  readonly headLine: string;
  readonly jobs: readonly {
    readonly age: number;
    readonly own: readonly number[];
    readonly cells: readonly Cell[];
    /** Of the sizes, of the durations and of what is stored. */
    readonly lines: readonly string[];
    readonly nextRun: string;
    readonly growth: string;
    readonly removals: readonly string[];
    readonly panels: readonly { readonly id: string; readonly values: readonly number[] }[];
  }[];
}

interface Focused {
  readonly tagName: string;
  readonly className: string;
  readonly hash: string;
  readonly visible: boolean;
}

/** What runs in the browser is text: its types are not those of Node. */
const SHOWN = `[...document.querySelectorAll(".run")]
  .filter((one) => getComputedStyle(one).display !== "none").map((one) => one.textContent)`;
const FIGURES = `(() => {
  const values = (from, selector) => [...from.querySelectorAll(selector)].map(({ value }) => Number(value));
  const look = (day) => {
    const { backgroundImage, backgroundColor, borderTopStyle, borderTopColor } = getComputedStyle(day);
    return [backgroundImage, backgroundColor, borderTopStyle === "none" ? "" : borderTopColor].join();
  };
  const legend = new Map([...document.querySelectorAll(".legend li")].map((one) => [one.textContent, look(one.firstChild)]));
  const cell = (day) => ({
    title: day.title,
    state: day.className.replace("day ", ""),
    href: day.getAttribute("href"),
    isOfLegend: legend.get(day.title.replace(/^[^ ]+ /, "")) === look(day),
  });
  return {
    looks: [...legend.values()],
    at: document.querySelector("header time").dateTime,
    read: [...document.querySelectorAll("data")].map(({ value, textContent }) => [value, textContent]),
    elements: document.querySelectorAll("*").length,
    head: values(document, "header data"),
    headLine: document.querySelector(".figures .spark polyline").getAttribute("points"),
    jobs: [...document.querySelectorAll("article.job")].map((job) => {
      const [age, ...own] = values(job, ".facts data, details data");
      const panels = [...job.querySelectorAll("section.run")].map((one) => ({ id: one.id, values: values(one, "data") }));
      return {
        ...{ age, own, panels, cells: [...job.querySelectorAll(".days > *")].map(cell) },
        lines: [...job.querySelectorAll(".spark polyline")].map((line) => line.getAttribute("points")),
        nextRun: job.querySelector(".facts time").dateTime,
        growth: job.querySelector(".facts dd .quiet").textContent,
        removals: [...job.querySelectorAll("details li")].flatMap(({ textContent }) => /^(\\d{4}-\\S+Z): /.exec(textContent)?.[1] ?? []),
      };
    }),
  };
})()`;
/** What has the keyboard, and whether that shows. */
const FOCUSED = `(() => {
  const { tagName, className, hash } = document.activeElement;
  const { outlineStyle, outlineWidth } = getComputedStyle(document.activeElement);
  return { tagName, className, hash: hash ?? "", visible: outlineStyle === "solid" && outlineWidth === "2px" };
})()`;
const WORDS = {
  proved: "good and proved",
  good: "good",
  partial: "partial",
  failed: "failed",
  missed: "missed",
  none: "no run",
} as const;
/** Of 40 jobs, whatever lies behind the 60 days that are shown: what a browser lays out in well under a second. */
const MOST_ELEMENTS = 150_000;
const MOST_BYTES = 8 * 1024 * 1024;

const DAY_MS = 86_400_000;
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

test("serve answers a browser at once, and the page comes by itself once it is made; axe finds nothing while it is not", {
  skip: browserMissing(),
}, async (t) => {
  const folder = await temporaryFolder(t);
  const { config } = await aStore(folder, 3, 70);
  await writeFile(config, (await readFile(config, "utf8")).replaceAll(/^( +)schedule: .*$/gm, "$&\n$1catch_up: false"));
  const served = start(["serve", "--port", "0", "--config", config], {
    env: { STATE_DIRECTORY: join(folder, "state") },
  });
  t.after(() => served.process.kill("SIGKILL"));
  await served.heard("see http://");
  await using started = await startBrowser();
  const page = await started.browser.newPage();
  await page.goto(/see (http:\S+)/.exec(served.stderr())?.[1] ?? "");
  await page.waitForSelector("article.job", { timeout: 60_000 });
  await page.setContent(waitingPage("The page is being made, since 12 s."));
  assert.deepEqual(await violations(page), []);
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

test("a keyboard comes to each run by the table of runs, opens it with Enter, closes it, and always shows where it is", {
  skip: browserMissing(),
}, async (t) => {
  const { url } = await writtenPage(await temporaryFolder(t), 2, 8);
  await using started = await startBrowser();
  const page = await started.browser.newPage();
  await page.goto(url);
  const press = async (key: "Tab" | "Enter") => {
    await page.keyboard.press(key);
    const { visible, ...focused } = (await page.evaluate(FOCUSED)) as Focused;
    if (key === "Tab")
      assert.ok(visible, `${focused.tagName} ${focused.className} does not show that it has the keyboard`);
    return focused;
  };
  assert.equal((await press("Tab")).tagName, "SUMMARY");
  await press("Enter");
  assert.equal((await press("Tab")).className, "scroll");
  for (let runs = 0; runs < 3; runs += 1) {
    const { hash } = await press("Tab");
    assert.match(hash, /^#run-0-/);
    if (runs < 2) continue;
    await press("Enter");
    assert.equal(await page.evaluate('"#" + document.querySelector(".run:target").id'), hash);
    assert.equal(((await page.evaluate(SHOWN)) as string[]).length, 1);
  }
  assert.deepEqual(await press("Tab"), { tagName: "A", className: "close", hash: "#job-0" });
  await press("Enter");
  assert.equal(await page.$$eval(".run:target", (all) => all.length), 0);
});

test("of 40 jobs, every figure on the page is that of list --json", {
  skip: browserMissing(),
}, async (t) => {
  const { url, config, jobs } = await writtenPage(await temporaryFolder(t), 40, (n) => (n % 10 === 1 ? 400 : 62));
  const listed = document(await coreBackup(["list", "--json", "--config", config])) as Listed[];
  await using started = await startBrowser();
  const page = await started.browser.newPage();
  await page.goto(url);
  const figures = (await page.evaluate(FIGURES)) as Figures;
  // The third job has not run for three days.
  assert.deepEqual(figures.head, [jobs.length - 1, listed.length, sum(listed.map(({ bytes }) => bytes))]);
  const at = Date.parse(figures.at);
  assert.equal(new Set(figures.looks).size, 9, "two states look the same");
  assert.deepEqual(
    figures.read.filter(([value, text]) => !readings(Number(value)).includes(text)),
    [],
    "what is read is another figure",
  );
  for (const [n, { age, own, panels, ...shown }] of figures.jobs.entries()) {
    const ofJob = listed.filter(({ job }) => job === jobs[n]);
    const runs = ofJob.filter(({ snapshot }) => timeOf(snapshot) > at - 61 * DAY_MS);
    const counts = ofJob.find((one) => one.status === "ok" && one.verified && one.proved === one.artifacts);
    const older = age * 1000 - (at - timeOf(counts?.snapshot ?? ""));
    assert.ok(older > -1000 && older < 5 * 60_000, `${jobs[n]} is ${age} s old`);
    const whole = runs.find(({ status }) => status === "ok");
    assert.deepEqual(own, [
      ...[whole?.bytes, whole?.durationMs, sum(ofJob.map(({ bytes }) => bytes))],
      ...[ofJob.length, sum(ofJob.map(({ bytes }) => bytes))],
      ...failures(runs),
      ...runs.flatMap((run) => [
        ...[run.units, run.bytes, run.durationMs, run.proved],
        ...(run.proved === 0 ? [] : [run.verifyMs]),
      ]),
    ]);
    assertCells(shown.cells, { runs, at, n });
    const good = runs.filter(({ status }) => status === "ok").toReversed();
    assertLine(
      shown.lines[0],
      good.map(({ bytes }) => bytes),
    );
    assertLine(
      shown.lines[1],
      good.map(({ durationMs }) => durationMs),
    );
    assertLine(shown.lines[2], stored(n, ofJob));
    assert.equal(shown.nextRun, new Date((Math.floor(at / DAY_MS) + 1) * DAY_MS).toISOString());
    assert.equal(shown.growth, growthOf(ofJob));
    assert.ok(shown.removals.length > 0, `nothing of ${jobs[n]} is said to go`);
    const kept = [whole?.snapshot, counts?.snapshot];
    const mayGo = ofJob.map(({ snapshot }) => snapshot).filter((snapshot) => !kept.includes(snapshot));
    assert.deepEqual(
      shown.removals.filter((snapshot) => !mayGo.includes(snapshot)),
      [],
    );
    assert.deepEqual(
      panels,
      runs.map((run) => ({
        id: `run-${n}-${run.snapshot}`,
        values: [run.units, run.artifacts, run.sourceBytes, run.bytes, run.durationMs, run.verifyMs, run.proved],
      })),
    );
  }
  const ofAll = jobs.map((name, n) =>
    stored(
      n,
      listed.filter(({ job }) => job === name),
    ),
  );
  assertLine(
    figures.headLine,
    Array.from({ length: RECORDED_DAYS + 1 }, (_, day) => sum(ofAll.map((days) => days[day] ?? 0))),
  );
  assert.equal(figures.jobs.length, 40);
  const shown = sum(figures.jobs.map(({ panels }) => panels.length));
  assert.ok(shown > 40 * 50, `${shown} runs`);
  assert.ok(jobs.includes(HOSTILE));
  assert.ok(figures.elements < MOST_ELEMENTS, `${figures.elements} elements`);
  const { size } = await stat(fileURLToPath(url));
  assert.ok(size < MOST_BYTES, `${size} bytes`);
});

/** How a figure may be written: as it is, as an amount, as a time in milliseconds or, of ages, in seconds. */
const readings = (value: number): readonly string[] => [
  ...[String(value), formatBytes(value)],
  ...[formatDuration(value), formatDuration(value * 1000)],
  ...[formatCount(value, "unit"), formatCount(value, "artifact")],
];

/** Each day's state, words and link, by what is listed of it alone. */
function assertCells(cells: readonly Cell[], of: { runs: readonly Listed[]; at: number; n: number }): void {
  assert.equal(cells.length, 60);
  for (const [past, cell] of cells.toReversed().entries()) {
    const day = new Date(of.at - past * DAY_MS).toISOString().slice(0, 10);
    const run = of.runs.find(({ snapshot }) => snapshot.startsWith(day));
    // The time of today may still be within its grace.
    const without = past === 0 && cell.state === "none" ? "none" : "missed";
    const state = run === undefined ? without : stateOf(run);
    const href = run === undefined ? null : `#run-${of.n}-${run.snapshot}`;
    assert.deepEqual(cell, { title: `${day}: ${WORDS[state]}`, state, href, isOfLegend: true });
  }
}

function stateOf({ status, verified, proved, artifacts }: Listed): keyof typeof WORDS {
  if (status === "failed" || status === "partial") return status;
  assert.ok(status === "ok" && verified, status);
  return proved === artifacts ? "proved" : "good";
}

/** Reads the values back out of the line: a tenth of a pixel is as exact as it is drawn. */
function assertLine(points: string | undefined, values: readonly number[]): void {
  const last = values.slice(-60);
  const most = Math.max(...last);
  const drawn = (points ?? "").split(" ").map((point) => point.split(",").map(Number));
  assert.equal(drawn.length, last.length);
  for (const [n, [x = Number.NaN, y = Number.NaN]] of drawn.entries()) {
    assert.ok(Math.abs(x - (2 + (n / (last.length - 1)) * 60)) < 0.06, `point ${n} is at ${x}`);
    const value = ((16 - y) / 14) * most;
    assert.ok(Math.abs(value - (last[n] ?? Number.NaN)) < (0.06 / 14) * most, `point ${n} is ${value}, not ${last[n]}`);
  }
}

/** Of good snapshots, newest first: since the newest of those that are thirty days older. */
function growthOf(listed: readonly Listed[]): string {
  const good = listed.filter(({ status }) => status === "ok");
  const [newest] = good;
  assert.ok(newest !== undefined);
  const since = good.find(({ snapshot }) => timeOf(snapshot) <= timeOf(newest.snapshot) - 30 * DAY_MS);
  assert.ok(since !== undefined);
  const days = (timeOf(newest.snapshot) - timeOf(since.snapshot)) / DAY_MS;
  return `+${Math.round((newest.bytes / since.bytes - 1) * 1000) / 10} % in ${days} d`;
}

/** How often each unit failed, most first: of a partial run it is the first of the units, of a failed one each. */
function failures(runs: readonly Listed[]): number[] {
  const failed = runs.filter(({ status }) => status === "failed").length;
  const partial = runs.filter(({ status }) => status === "partial").length;
  return [failed + partial, failed, failed, failed].filter((count) => count > 0);
}

/** What was recorded of a job day by day, and what is stored of it now. */
const stored = (n: number, listed: readonly Listed[]): number[] => [
  ...Array.from({ length: RECORDED_DAYS }, (_, day) => storedOn(n, RECORDED_DAYS - day)),
  sum(listed.map(({ bytes }) => bytes)),
];

const timeOf = (snapshot: string): number => snapshotTime(snapshot)?.getTime() ?? Number.NaN;

async function writtenPage(folder: string, jobCount: number, days: number | ((n: number) => number)) {
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
