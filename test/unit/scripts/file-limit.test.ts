import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { limitFiles } from "../../../scripts/file-limit.ts";
import { temporaryFolder } from "../../e2e/core-backup.ts";

/** Its program would hold the output open, and with it the runner. */
const HANGS = `
import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
const { pid } = spawn("sleep", ["600"], { stdio: "inherit", detached: true });
writeFileSync(new URL("pid", import.meta.url), String(pid));
for (;;);
`;

test("a test file that hangs is ended with what it started, is named, and the others run to their end", async (t) => {
  const folder = await temporaryFolder(t);
  const hanging = join(folder, "hangs.test.mjs");
  const well = join(folder, "well.test.mjs");
  await writeFile(hanging, HANGS);
  await writeFile(well, 'import { test } from "node:test";\ntest("is well", () => {});\n');
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const runner = spawn(process.execPath, ["--test", "--test-reporter=tap", "--test-concurrency=1", hanging, well], {
    env,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = once(runner, "close");
  const output = text(runner.stdout);
  const said: string[] = [];
  while (!/^\d+$/.test(await readFile(join(folder, "pid"), "utf8").catch(() => ""))) await delay(50);
  const stop = limitFiles({
    ...{ runner: runner.pid ?? 0, limitMs: 0, everyMs: 200 },
    say: (line) => {
      said.push(line);
      // The other one begins after it, and has all the time it needs.
      stop();
    },
  });
  assert.deepEqual(await ended, [1, null]);
  assert.deepEqual(said, [`${hanging} was ended: it took longer than 0 s\n`]);
  assert.equal(await isRunning(await readFile(join(folder, "pid"), "utf8")), false);
  assert.match(await output, /^not ok 1 - .*hangs\.test\.mjs$/m);
  assert.match(await output, /^ok 2 - is well$/m);
});

/** One that nobody has collected yet has ended all the same. */
async function isRunning(pid: string): Promise<boolean> {
  const ps = spawn("ps", ["-o", "stat=", "-p", pid], { stdio: ["ignore", "pipe", "inherit"] });
  const state = (await text(ps.stdout)).trim();
  return state !== "" && !state.startsWith("Z");
}
