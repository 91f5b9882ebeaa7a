import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import process from "node:process";
import { setTimeout as delay } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import type { Browser } from "puppeteer-core";
import { start } from "../test/e2e/core-backup.ts";
import { aStore } from "../test/e2e/report/a-store.ts";
import { startBrowser } from "../test/support/browser.ts";
import { type BenchLine, benchLine, median } from "./line.ts";

const JOBS = 40;
const DAYS = 400;
const ROUNDS = 5;
const CLI = path.join(import.meta.dirname, "../cli/main.ts");
/** By then `serve` makes the page anew. */
const FRESH_MS = 30_000;
const POLL_MS = 500;
const HTML = { headers: { accept: "text/html" } };

/** How long a browser takes to load the page of 40 jobs and 400 days, to the second that it may take: the file, and of `serve`. */
export async function benchReport(): Promise<readonly BenchLine[]> {
  const folder = mkdtempSync(path.join(tmpdir(), "core-backup-bench-"));
  try {
    console.error(`report: making ${JOBS * DAYS} snapshots`);
    const { config } = await aStore(folder, JOBS, DAYS);
    const file = path.join(folder, "index.html");
    const started = performance.now();
    execFileSync(process.execPath, [CLI, "report", "--quiet", "--config", config, "--html", file], { stdio: "ignore" });
    console.error(`report: written in ${((performance.now() - started) / 1000).toFixed(1)} s`);
    await using browsing = await startBrowser();
    return [
      inOneSecond("loading the page of 40 jobs and 400 days", await loads(browsing.browser, pathToFileURL(file).href)),
      ...(await ofServe(browsing.browser, config)),
    ];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * Of `serve` that was just started, when the page is not made yet, until it is there. Afterwards each round has one that begins the making of
 * the next, and one while that is made; then of a second process, which shows the page that the first one kept.
 */
async function ofServe(browser: Browser, config: string): Promise<readonly BenchLine[]> {
  // Nothing that is due is to run beside it.
  writeFileSync(config, readFileSync(config, "utf8").replaceAll(/^( +)schedule: .*$/gm, "$&\n$1catch_up: false"));
  const times: number[] = [];
  const lines: BenchLine[] = [];
  const first = await aServe(config);
  try {
    lines.push(
      inOneSecond("opening serve right after its start, while the page is made", await loads(browser, first.url)),
    );
    const made = await first.made();
    for (let round = 1; round <= ROUNDS; round += 1) {
      await delay(FRESH_MS + made);
      times.push(await load(browser, first.url), await load(browser, first.url));
    }
    lines.push(inOneSecond("loading it of serve once it was made, while a newer one is made", times));
  } finally {
    await first.end();
  }
  const again = await aServe(config);
  try {
    const kept = await loads(browser, again.url);
    const { status } = await fetch(again.url, HTML);
    if (status !== 200) throw new Error("serve shows no page after a restart");
    lines.push(inOneSecond("loading it of serve right after a restart", kept));
  } finally {
    await again.end();
  }
  return lines;
}

async function aServe(config: string) {
  const served = start(["serve", "--port", "0", "--config", config], {
    env: { STATE_DIRECTORY: path.join(path.dirname(config), "state") },
  });
  await served.heard("see http://");
  const url = /see (http:\/\/\S+)/.exec(served.stderr())?.[1] ?? "";
  const started = performance.now();
  return {
    url,
    /** After how many milliseconds from its start the page was there. */
    async made() {
      while ((await fetch(url, HTML)).status !== 200) await delay(POLL_MS);
      const took = performance.now() - started;
      console.error(`report: serve made it within ${(took / 1000).toFixed(1)} s`);
      return took;
    },
    async end() {
      served.process.kill();
      await served.ended;
    },
  };
}

async function loads(browser: Browser, url: string): Promise<number[]> {
  const times: number[] = [];
  for (let round = 1; round <= ROUNDS; round += 1) times.push(await load(browser, url));
  return times;
}

async function load(browser: Browser, url: string): Promise<number> {
  const page = await browser.newPage();
  await page.goto(url, { timeout: 0 });
  const time = Number(await page.evaluate(`performance.getEntriesByType("navigation")[0].loadEventEnd`));
  await page.close();
  return time;
}

function inOneSecond(what: string, times: readonly number[]): BenchLine {
  console.error(`report: ${what}: ${times.map((time) => time.toFixed(0)).join(", ")} ms`);
  return benchLine(`report: ${what}, to one second`, { ours: median(times), theirs: 1000, unit: "ms" }, { atMost: 1 });
}
