import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { scratchFolder } from "../../lib/scratch.ts";

const MODULE = new URL("../../lib/scratch.ts", import.meta.url).href;

test("a scratch folder is private, and gone when it is removed", async () => {
  const scratch = await scratchFolder("test");
  assert.equal((await stat(scratch.path)).mode & 0o777, 0o700);
  await writeFile(join(scratch.path, "secret"), "x");
  await scratch.remove();
  assert.equal(existsSync(scratch.path), false);
});

test("what a killed process left is removed by the next one, and what a living one uses is not", async (t) => {
  const own = mkdtempSync(join(tmpdir(), "scratch-test-"));
  const before = process.env.TMPDIR;
  process.env.TMPDIR = own;
  t.after(() => {
    if (before === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = before;
    rmSync(own, { recursive: true });
  });
  const script = `const { scratchFolder } = await import(${JSON.stringify(MODULE)}); console.log((await scratchFolder("test")).path); setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [chunk] = await once(child.stdout, "data");
  const path = String(chunk).trim();

  const first = await scratchFolder("test");
  assert.equal(existsSync(path), true);
  child.kill("SIGKILL");
  await once(child, "exit");
  const second = await scratchFolder("test");
  assert.equal(existsSync(path), false);
  assert.equal(existsSync(first.path), true);
  await first.remove();
  await second.remove();
});
