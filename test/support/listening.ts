import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";
import { once } from "node:events";
import { readdir, readFile, readlink } from "node:fs/promises";
import { createServer } from "node:net";
import { setTimeout as delay } from "node:timers/promises";

export interface ServerProcess {
  readonly port: number;
  readonly pid: number;
  /** Ends it at once, as a crash does. */
  kill(): Promise<void>;
  stop(): Promise<void>;
}

export interface ServerCommand {
  readonly program: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Done before it starts, as writing its configuration. */
  prepare?(): Promise<void>;
}

const TRIES = 5;
const START_MS = 60_000;

/**
 * Starts a program on a free port of 127.0.0.1 and comes back once that very process listens there: whoever else may
 * have taken the port meanwhile is not mistaken for it. What it writes is in the error when it does not start.
 */
export async function startListening(
  command: (port: number) => ServerCommand,
  wantedPort?: number,
): Promise<ServerProcess> {
  for (let attempt = 1; ; attempt += 1) {
    const port = wantedPort ?? (await freePort());
    const { program, args, env, cwd, prepare } = command(port);
    await prepare?.();
    const options: SpawnOptions = {
      stdio: ["ignore", "pipe", "pipe"],
      env: { PATH: process.env.PATH, HOME: process.env.HOME, ...env },
      ...(cwd === undefined ? {} : { cwd }),
    };
    const child = spawn(program, args, options);
    const output: string[] = [];
    for (const stream of [child.stdout, child.stderr]) stream?.on("data", (chunk) => output.push(String(chunk)));
    try {
      return {
        port,
        pid: await untilListening(child, port),
        kill: () => end(child, "SIGKILL"),
        stop: () => stop(child),
      };
    } catch (error) {
      await end(child, "SIGKILL");
      if (attempt < TRIES && wantedPort === undefined) continue;
      throw new Error(`${program} did not start: ${error}\n${output.join("").slice(-2_000)}`);
    }
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("no free port");
  return address.port;
}

async function untilListening(child: ChildProcess, port: number): Promise<number> {
  const failed = once(child, "error");
  const { pid } = child;
  if (pid === undefined) throw (await failed)[0];
  failed.catch(() => {});
  for (const deadline = Date.now() + START_MS; Date.now() < deadline; await delay(20)) {
    if (child.exitCode !== null || child.signalCode !== null) throw new Error(`it ended with ${child.exitCode}`);
    if (await listens(pid, port)) return pid;
  }
  throw new Error(`it does not listen on ${port}`);
}

/** By the sockets that the process holds open and the system's table of those that listen. */
async function listens(pid: number, port: number): Promise<boolean> {
  const table = await readFile("/proc/net/tcp", "latin1");
  const wanted = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  const inodes = table.split("\n").flatMap((line) => {
    const [, local, , state, , , , , , inode] = line.trim().split(/\s+/);
    return local?.endsWith(wanted) === true && state === "0A" ? [`socket:[${inode}]`] : [];
  });
  if (inodes.length === 0) return false;
  const fds = await readdir(`/proc/${pid}/fd`).catch(() => []);
  const targets = await Promise.all(fds.map((fd) => readlink(`/proc/${pid}/fd/${fd}`).catch(() => "")));
  return targets.some((target) => inodes.includes(target));
}

async function stop(child: ChildProcess): Promise<void> {
  const later = setTimeout(() => child.kill("SIGKILL"), 3_000);
  await end(child, "SIGTERM");
  clearTimeout(later);
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, "exit");
  child.kill(signal);
  await exit;
}
