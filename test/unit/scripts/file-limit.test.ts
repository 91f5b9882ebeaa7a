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

/** Its programs would hold the output open, and with it the runner. The parent of the one whose number is written has ended. */
const HANGS = `
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
const script = '(sleep 600 & echo $! > "$0"); exec sleep 601';
spawn("sh", ["-c", script, fileURLToPath(new URL("pid", import.meta.url))], { stdio: "inherit", detached: true });
for (;;);
`;

test("a test file that hangs is ended with what it started, is named, and the others run to their end", {
  timeout: 60_000,
}, async (t) => {
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
  const pid = await orphanIn(join(folder, "pid"));
  // Where it was left over, the runner would not end either.
  t.after(async () => {
    if (await isRunning(pid)) process.kill(Number(pid), "SIGKILL");
  });
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
  assert.equal(await isRunning(pid), false);
  assert.match(await output, /^not ok 1 - .*hangs\.test\.mjs$/m);
  assert.match(await output, /^ok 2 - is well$/m);
});

/** Waits a minute at most for its number. */
async function orphanIn(path: string): Promise<string> {
  for (let tries = 0; tries < 1200; tries += 1) {
    const pid = (await readFile(path, "utf8").catch(() => "")).trim();
    if (pid !== "") return pid;
    await delay(50);
  }
  return assert.fail("the file that hangs never started its program");
}

/** One that nobody has collected yet has ended all the same. */
async function isRunning(pid: string): Promise<boolean> {
  const ps = spawn("ps", ["-o", "stat=", "-p", pid], { stdio: ["ignore", "pipe", "inherit"] });
  const state = (await text(ps.stdout)).trim();
  return state !== "" && !state.startsWith("Z");
}
