import { spawn } from "node:child_process";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import type { ChildAnswer, ChildTask } from "./kill-child.ts";

const COMPILED = join(tmpdir(), "core-backup-test-compiled");

/** Undefined for a process that was killed. @throws Error for one that ended in any other way than well */
export async function runChild(task: ChildTask): Promise<ChildAnswer | undefined> {
  const child = spawn(process.execPath, [join(import.meta.dirname, "kill-child.ts"), JSON.stringify(task)], {
    stdio: ["ignore", "pipe", "inherit"],
    // Half of such a short process is parsing what the one before it has parsed.
    env: { ...process.env, NODE_COMPILE_CACHE: COMPILED },
  });
  const [[code, signal], answer] = await Promise.all([once(child, "exit"), text(child.stdout)]);
  if (signal === "SIGKILL") return undefined;
  if (code !== 0) throw new Error(`the process ended with ${code ?? signal}`);
  return JSON.parse(answer);
}
