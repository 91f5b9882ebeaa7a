import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";

// health.js [CMDLINE PROGRAM]: what Docker asks once a minute. Where the container runs `serve`, whether it looks at the clock; otherwise whether
// the configuration is right. CMDLINE is the first process's, words that end in NUL.
const [cmdline = "/proc/1/cmdline", program = "core-backup"] = process.argv.slice(2);
const TIMEOUT_MS = 10_000;

const first = readFileSync(cmdline, "utf8").split("\0");
const [command, ...options] = first.slice(first.indexOf("core-backup") + 1);
const address = command === "serve" ? healthAddress(options) : undefined;
if (address !== undefined) {
  try {
    const response = await fetch(address, { signal: AbortSignal.timeout(TIMEOUT_MS) });
    process.stdout.write(await response.text());
    process.exitCode = response.ok ? 0 : 1;
  } catch (error) {
    process.stderr.write(`${address}: ${error.cause?.message ?? error.message}\n`);
    process.exitCode = 1;
  }
} else {
  process.exitCode = spawnSync(program, ["validate"], { stdio: "inherit" }).status ?? 1;
}

/** Undefined for port 0, which nobody else knows. */
function healthAddress(words) {
  const given = (name) => {
    const at = words.findIndex((word) => word === name || word.startsWith(`${name}=`));
    return at === -1 ? undefined : words[at] === name ? words[at + 1] : words[at].slice(name.length + 1);
  };
  const host = given("--host") ?? "127.0.0.1";
  const port = given("--port") ?? "8970";
  if (port === "0") return undefined;
  const reached = host === "0.0.0.0" || host === "::" ? "127.0.0.1" : host;
  return `http://${reached.includes(":") ? `[${reached}]` : reached}:${port}/healthz`;
}
