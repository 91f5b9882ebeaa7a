import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Program, StepResult } from "./storage-child.ts";

const run = promisify(execFile);

/**
 * Why mounts of our own cannot be made here; undefined when they can. Where CI runs as root it is an error instead:
 * tests that are never run protect nothing.
 */
export async function whyNoMounts(): Promise<string | undefined> {
  try {
    await run("unshare", ["--mount", "sh", "-c", "mount -t tmpfs tmpfs /mnt"]);
    return undefined;
  } catch (error) {
    const reason = `mounts cannot be made in a namespace: ${error instanceof Error ? error.message.trim() : error}`;
    if (process.env.CI === "true" && process.getuid?.() === 0) throw new Error(reason, { cause: error });
    return reason;
  }
}

/** Takes the steps in a process that sees the mounts made by the shell commands `setup`, which nobody else sees. */
export async function inMountNamespace(setup: string, program: Program): Promise<readonly StepResult[]> {
  const script = `set -e\n${setup}\nexec "$0" "$1" "$2"`;
  const child = join(import.meta.dirname, "storage-child.ts");
  const { stdout } = await run("unshare", [
    "--mount",
    "sh",
    "-c",
    script,
    process.execPath,
    child,
    JSON.stringify(program),
  ]);
  return JSON.parse(stdout);
}
