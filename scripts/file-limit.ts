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
  readonly group: number;
  readonly session: number;
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
  const started = new Map<number, ReadonlySet<number>>();
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
    const own = all.find(({ pid }) => pid === runner);
    if (own === undefined) return;
    const files = all.filter(({ parent }) => parent === runner);
    for (const pid of since.keys()) {
      if (files.some((file) => file.pid === pid)) continue;
      since.delete(pid);
      started.delete(pid);
    }
    for (const file of files) {
      const begun = since.get(file.pid) ?? performance.now();
      since.set(file.pid, begun);
      const family = familyOf(file, { all, own, known: started.get(file.pid) ?? new Set() });
      started.set(file.pid, family);
      if (performance.now() - begun < limitMs) continue;
      say(`${fileOf(file)} was ended: it took longer than ${Math.round(limitMs / 1000)} s\n`);
      // The file last, and by then there is nobody left who would hold the runner's output open.
      for (const pid of [...family].toReversed()) kill(pid);
    }
  }
}

/** Where `ps` cannot be had, nothing is limited. */
async function processes(): Promise<readonly Process[]> {
  try {
    const { stdout } = await list("ps", ["-A", "-ww", "-o", "pid=,ppid=,pgid=,sess=,args="], {
      maxBuffer: MAX_LIST_BYTES,
    });
    return stdout.split("\n").flatMap((line) => {
      const [, ids = "", command] = /^\s*((?:\d+\s+){4})(.*)$/.exec(line) ?? [];
      const [pid = 0, parent = 0, group = 0, session = 0] = ids.trim().split(/\s+/).map(Number);
      return command === undefined ? [] : [{ pid, parent, group, session, command }];
    });
  } catch {
    return [];
  }
}

interface Surroundings {
  readonly all: readonly Process[];
  /** The runner itself, whose group and session are not the file's. */
  readonly own: Process;
  /** What belonged to the file when it was looked at before. */
  readonly known: ReadonlySet<number>;
}

/**
 * The file and all that it started: its descendants, and the groups and sessions that they made, since one whose parent has
 * ended descends from nobody any more.
 */
function familyOf(file: Process, { all, own, known }: Surroundings): ReadonlySet<number> {
  const family = new Set([file.pid]);
  const groups = new Set<number>();
  const sessions = new Set<number>();
  const belongs = ({ pid, parent, group, session }: Process): boolean =>
    known.has(pid) || family.has(parent) || groups.has(group) || sessions.has(session);
  for (let before = 0; before < family.size; ) {
    before = family.size;
    for (const one of all) {
      if (one.pid === own.pid || (one.pid !== file.pid && !belongs(one))) continue;
      family.add(one.pid);
      if (one.group !== own.group) groups.add(one.group);
      if (one.session !== own.session) sessions.add(one.session);
    }
  }
  return family;
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
