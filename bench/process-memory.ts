import { readFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";

const LOOK_EVERY_MS = 50;
const KiB = 1024;

/** What a process and all that it started held at most, in bytes, as the kernel counts it. */
export interface PeakMemory {
  /** The process itself. */
  readonly own: number;
  /** Of those below it together, at one moment: what nothing but themselves can give back. */
  readonly below: number;
  /** As that, with the pages of files that they looked into, which the kernel takes away when somebody needs room. */
  readonly belowWithFiles: number;
}

/** Looks at `/proc` until `ended` is settled, so on Linux alone. What lives shorter than from one look to the next may not be seen. */
export async function peakMemory(pid: number, ended: Promise<unknown>): Promise<PeakMemory> {
  let running = true;
  const stop = ended
    .catch(() => {})
    .finally(() => {
      running = false;
    });
  const peak = { own: 0, below: 0, belowWithFiles: 0 };
  while (running) {
    const [own, ...below] = await Promise.all((await family(pid)).map(held));
    const sum = (of: (one: Held) => number) => below.reduce((total, one) => total + of(one), 0);
    peak.own = Math.max(peak.own, own?.most ?? 0);
    peak.below = Math.max(
      peak.below,
      sum(({ anonymous }) => anonymous),
    );
    peak.belowWithFiles = Math.max(
      peak.belowWithFiles,
      sum(({ resident }) => resident),
    );
    await Promise.race([stop, delay(LOOK_EVERY_MS)]);
  }
  return peak;
}

/** The process, then all below it. https://man7.org/linux/man-pages/man5/proc_pid_task.5.html, `children` */
async function family(pid: number): Promise<readonly number[]> {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, "utf8").catch(() => "");
  const children = text.split(" ").filter(Boolean).map(Number);
  return [pid, ...(await Promise.all(children.map(family))).flat()];
}

interface Held {
  readonly most: number;
  readonly resident: number;
  readonly anonymous: number;
}

async function held(pid: number): Promise<Held> {
  const text = await readFile(`/proc/${pid}/status`, "utf8").catch(() => "");
  const bytes = (field: string) => KiB * Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, "m").exec(text)?.[1] ?? 0);
  return { most: bytes("VmHWM"), resident: bytes("VmRSS"), anonymous: bytes("RssAnon") + bytes("RssShmem") };
}
