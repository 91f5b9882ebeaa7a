import { spawnSync } from "node:child_process";
import { mkdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import process from "node:process";
import puppeteer, { type Browser, type Page } from "puppeteer-core";

const NAMES = ["chromium", "chromium-browser", "google-chrome"];
/** Outside of git, and what a CI is to keep of a run. */
const SCREENSHOTS = resolve(import.meta.dirname, "../../artifacts/screenshots");

/** Why tests with a real browser are skipped here, in one line; false when they run. In CI they run, or fail. */
export function browserMissing(): string | false {
  if (executable() !== undefined) return false;
  const why = "chromium is not installed";
  if (process.env.CI === "true") throw new Error(why);
  return why;
}

export async function startBrowser(): Promise<AsyncDisposable & { readonly browser: Browser }> {
  // The sandbox wants rights that containers do not give; what is opened here is our own.
  const browser = await puppeteer.launch({
    executablePath: executable() ?? "",
    args: ["--no-sandbox", "--disable-dev-shm-usage"],
  });
  return { browser, [Symbol.asyncDispose]: () => browser.close() };
}

export async function screenshot(page: Page, name: string): Promise<void> {
  await mkdir(SCREENSHOTS, { recursive: true });
  await page.screenshot({ path: join(SCREENSHOTS, `${name}.png`) as `${string}.png` });
}

function executable(): string | undefined {
  return NAMES.map((name) => spawnSync("which", [name], { encoding: "utf8" }).stdout?.trim()).find((path) => path);
}
