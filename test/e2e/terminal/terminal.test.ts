import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { temporaryFolder } from "../core-backup.ts";
import { filesJob } from "../files-job.ts";

const MAIN = join(import.meta.dirname, "../../../cli/main.ts");
const withoutScript =
  spawnSync("script", ["--version"]).status !== 0 && "there is no util-linux script on this machine";

test("on a terminal progress is drawn, erased, and the cursor given back before the result", {
  skip: withoutScript,
}, async (t) => {
  const { config } = await filesJob(await temporaryFolder(t));
  const text = onTerminal(["run", "--config", config], {});
  assert.ok(text.includes("\u001b[?25l"));
  assert.match(text, /preparing|docs +\d\/1 unit/);
  const [, result = ""] = text.split("\u001b[?25h");
  assert.match(result, /^\S*docs.* {2}\S*ok/, "nothing stands between the cursor's return and the result");
  assert.ok(!/: started/.test(text), "what is drawn is not told in lines as well");
});

test("NO_COLOR and a dumb terminal get no escape code at all, but lines", { skip: withoutScript }, async (t) => {
  const { config } = await filesJob(await temporaryFolder(t));
  for (const env of [{ NO_COLOR: "1" }, { TERM: "dumb" }]) {
    const text = onTerminal(["run", "--config", config], env);
    assert.ok(!text.includes("\u001b"), JSON.stringify(text));
    assert.match(text, /docs.*: started/);
  }
});

test("a wrong configuration is shown on a terminal with the line and a caret under the place", {
  skip: withoutScript,
}, async (t) => {
  const folder = await temporaryFolder(t);
  writeFileSync(join(folder, "bad.yml"), "jobs: 7\nstorage:\n  local: { type: filesystem, base_path: b }\n");
  const text = onTerminal(["validate", "--config", join(folder, "bad.yml")], { NO_COLOR: "1" });
  assert.match(text, /bad\.yml:1:7: jobs: .*\r\n1 \| jobs: 7\r\n {10}\^/);
});

test("a result that cannot be written is a failure", { skip: !hasDevFull() && "there is no /dev/full" }, async (t) => {
  const { config } = await filesJob(await temporaryFolder(t));
  const { status } = spawnSync("sh", [
    "-c",
    '"$0" "$@" > /dev/full',
    process.execPath,
    MAIN,
    "list",
    "--config",
    config,
  ]);
  assert.equal(status, 2);
});

function onTerminal(args: readonly string[], env: NodeJS.ProcessEnv): string {
  const { NO_COLOR: _no, FORCE_COLOR: _force, ...rest } = process.env;
  const command = [process.execPath, MAIN, ...args].map((word) => `'${word}'`).join(" ");
  // The exit code is not looked at here.
  const { stdout } = spawnSync("script", ["-qec", command, "/dev/null"], {
    encoding: "utf8",
    env: { ...rest, TERM: "xterm", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  return stdout;
}

function hasDevFull(): boolean {
  try {
    execFileSync("test", ["-c", "/dev/full"]);
    return true;
  } catch {
    return false;
  }
}
