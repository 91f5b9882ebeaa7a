import { readdir, readFile, readlink } from "node:fs/promises";

/** The worker of a deployed step's functions, children of the emulator, that holds the connection from one port of this machine to another. */
export async function functionProcess(step: string, from: number, to: number): Promise<number | undefined> {
  const socket = await socketOf(from, to);
  for (const name of await readdir("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const environment = await readFile(`/proc/${name}/environ`, "utf8").catch(() => "");
    const own = environment
      .split("\0")
      .some((one) => one.startsWith(`AWS_LAMBDA_FUNCTION_NAME=core-backup-test-${step}`));
    if (own && (await holds(name, socket))) return Number(name);
  }
  return undefined;
}

/** As a process's table of open files has it. */
async function socketOf(from: number, to: number): Promise<string | undefined> {
  const lines = (await readFile("/proc/net/tcp", "utf8")).split("\n").map((line) => line.trim().split(/\s+/));
  const has = (address: string, port: number) => Number.parseInt(address.split(":")[1] ?? "", 16) === port;
  const inode = lines.find(([, here = "", there = ""]) => has(here, from) && has(there, to))?.[9];
  return inode === undefined ? undefined : `socket:[${inode}]`;
}

async function holds(pid: string, socket: string | undefined): Promise<boolean> {
  for (const fd of await readdir(`/proc/${pid}/fd`).catch(() => []))
    if ((await readlink(`/proc/${pid}/fd/${fd}`).catch(() => "")) === socket) return true;
  return false;
}
