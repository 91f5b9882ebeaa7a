import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import type { ChildAnswer, ChildTask } from "./kill-child.ts";

const COMPILED = join(tmpdir(), "core-backup-test-compiled");

export interface Child {
  /** Undefined for a process that was killed. @throws Error for one that ended in any other way than well */
  readonly ended: Promise<ChildAnswer | undefined>;
  /** Waits until it has stopped itself. @throws Error when it ends before */
  stopped(): Promise<void>;
  goOn(): void;
}

export function startChild(task: ChildTask): Child {
  const child = spawn(process.execPath, [join(import.meta.dirname, "kill-child.ts"), JSON.stringify(task)], {
    stdio: ["ignore", "pipe", "inherit"],
    // Half of such a short process is parsing what the one before it has parsed.
    env: { ...process.env, NODE_COMPILE_CACHE: COMPILED },
  });
  let hasEnded = false;
  const ended = Promise.all([once(child, "exit"), text(child.stdout)]).then(([[code, signal], answer]) => {
    hasEnded = true;
    if (signal === "SIGKILL") return undefined;
    if (code !== 0) throw new Error(`the process ended with ${code ?? signal}`);
    return JSON.parse(answer);
  });
  return {
    ended,
    async stopped() {
      // proc(5): the state is the letter behind the name. Not by a timer, which the harness makes a turn of the loop.
      while (!/\) [Tt] /.test(await readFile(`/proc/${child.pid}/stat`, "utf8").catch(() => ""))) {
        if (hasEnded) throw new Error("the process ended and did not stop");
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    },
    goOn: () => child.kill("SIGCONT"),
  };
}

export const runChild = (task: ChildTask): Promise<ChildAnswer | undefined> => startChild(task).ended;
