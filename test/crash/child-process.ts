import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { text } from "node:stream/consumers";
import type { ChildAnswer, ChildTask } from "./kill-child.ts";
import { killProgram } from "./kill-program.ts";

export interface Child {
  /** Undefined for a process that was killed. @throws Error for one that ended in any other way than well */
  readonly ended: Promise<ChildAnswer | undefined>;
  /** Waits until it has stopped itself. @throws Error when it ends before */
  stopped(): Promise<void>;
  goOn(): void;
}

export async function startChild(task: ChildTask): Promise<Child> {
  const { script, env } = await killProgram(task.reach.kind);
  const child = spawn(process.execPath, [script, JSON.stringify(task)], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, ...env },
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

export const runChild = async (task: ChildTask): Promise<ChildAnswer | undefined> => (await startChild(task)).ended;
