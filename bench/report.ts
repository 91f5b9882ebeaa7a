import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";
import { aStore } from "../test/e2e/report/a-store.ts";
import { startBrowser } from "../test/support/browser.ts";
import { type BenchLine, benchLine, median } from "./line.ts";

const JOBS = 40;
const DAYS = 400;
const ROUNDS = 5;
const CLI = path.join(import.meta.dirname, "../cli/main.ts");

/** How long a browser takes to load the page of 40 jobs and 400 days, to the second that it may take. */
export async function benchReport(): Promise<readonly BenchLine[]> {
  const folder = mkdtempSync(path.join(tmpdir(), "core-backup-bench-"));
  try {
    console.error(`report: making ${JOBS * DAYS} snapshots`);
    const { config } = await aStore(folder, JOBS, DAYS);
    const file = path.join(folder, "index.html");
    const started = performance.now();
    execFileSync(process.execPath, [CLI, "report", "--quiet", "--config", config, "--html", file], { stdio: "ignore" });
    console.error(`report: written in ${((performance.now() - started) / 1000).toFixed(1)} s`);
    const times = await loads(pathToFileURL(file).href);
    const figures = { ours: median(times), theirs: 1000, unit: "ms" };
    return [benchLine("report: loading the page of 40 jobs and 400 days, to one second", figures, { atMost: 1 })];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function loads(url: string): Promise<number[]> {
  await using started = await startBrowser();
  const times: number[] = [];
  for (let round = 1; round <= ROUNDS; round += 1) {
    const page = await started.browser.newPage();
    await page.goto(url);
    times.push(Number(await page.evaluate(`performance.getEntriesByType("navigation")[0].loadEventEnd`)));
    await page.close();
  }
  return times;
}
