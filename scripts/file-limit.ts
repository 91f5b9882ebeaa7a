import { execFile } from "node:child_process";
import process from "node:process";
import { promisify } from "node:util";

export interface FileLimit {
  /** The process of `node --test`, which starts one for each file. */
  readonly runner: number;
  readonly limitMs: number;
  readonly everyMs: number;
  readonly say: (text: string) => void;
}

interface Process {
  readonly pid: number;
  readonly parent: number;
  readonly command: string;
}

const list = promisify(execFile);
const MAX_LIST_BYTES = 64 * 1024 * 1024;

/**
 * Ends each test file that takes longer, with every program that it started, so that the runner goes on with the others and
 * tells it as failed. Looked at from outside, since one that loops has no timer any more. Returns what stops the looking.
 */
export function limitFiles({ runner, limitMs, everyMs, say }: FileLimit): () => void {
  const since = new Map<number, number>();
  let looking = false;
  const timer = setInterval(() => {
    if (looking) return;
    looking = true;
    void look().finally(() => {
      looking = false;
    });
  }, everyMs);
  timer.unref();
  return () => clearInterval(timer);

  async function look(): Promise<void> {
    const all = await processes();
    const files = all.filter(({ parent }) => parent === runner);
    for (const pid of since.keys()) if (files.every((file) => file.pid !== pid)) since.delete(pid);
    for (const file of files) {
      const begun = since.get(file.pid) ?? performance.now();
      since.set(file.pid, begun);
      if (performance.now() - begun < limitMs) continue;
      say(`${fileOf(file)} was ended: it took longer than ${Math.round(limitMs / 1000)} s\n`);
      for (const { pid } of [...below(file, all), file]) kill(pid);
    }
  }
}

/** Where `ps` cannot be had, nothing is limited. */
async function processes(): Promise<readonly Process[]> {
  try {
    const { stdout } = await list("ps", ["-A", "-ww", "-o", "pid=,ppid=,args="], { maxBuffer: MAX_LIST_BYTES });
    return stdout.split("\n").flatMap((line) => {
      const [, pid, parent, command] = /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line) ?? [];
      return command === undefined ? [] : [{ pid: Number(pid), parent: Number(parent), command }];
    });
  } catch {
    return [];
  }
}

/** All that descends from it, the youngest first. */
function below({ pid }: Process, all: readonly Process[]): readonly Process[] {
  const children = all.filter(({ parent }) => parent === pid);
  return children.flatMap((child) => [...below(child, all), child]);
}

const fileOf = ({ command }: Process): string =>
  command.split(/\s+/).findLast((word) => word.includes(".test.")) ?? command;

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended by itself.
  }
}
