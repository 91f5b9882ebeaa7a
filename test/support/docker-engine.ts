import { execFile, execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { chown, cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";

const run = promisify(execFile);
const BUSYBOX = ["/bin/busybox", "/usr/bin/busybox"];
export const BUSYBOX_IMAGE = "core-backup-test/busybox:1";

export interface DockerEngine extends AsyncDisposable {
  /** For the option `host`. */
  readonly host: string;
  readonly socket: string;
  readonly folder: string;
  /** The real docker command; answers what it prints. */
  docker(...args: readonly string[]): Promise<string>;
  /** A container that runs `script` in busybox until it is told to stop. Answers its id. */
  runs(name: string, script: string, ...args: readonly string[]): Promise<string>;
  /** Where the Engine keeps a volume. */
  folderOf(volume: string): Promise<string>;
  /** `running`, `paused`, `exited` … */
  state(container: string): Promise<string>;
  /** Ends the Engine, whose containers get no time to end. */
  stop(): Promise<void>;
  start(): Promise<void>;
}

/** False when the test can run. In CI a missing Engine is a failure, not a reason to skip. */
export function dockerMissing(): string | false {
  const reason = whyMissing();
  if (reason !== undefined && process.env.CI === "true" && process.getuid?.() === 0) throw new Error(reason);
  return reason ?? false;
}

function whyMissing(): string | undefined {
  if (process.getuid?.() !== 0) return "a Docker Engine is started by root only";
  const absent = ["dockerd", "docker", "iptables"].find((program) => !isInstalled(program));
  if (absent !== undefined) return `${absent} is not installed (docker.io, iptables)`;
  return BUSYBOX.some((path) => existsSync(path)) ? undefined : "busybox is not installed (busybox-static)";
}

function isInstalled(program: string): boolean {
  try {
    execFileSync("sh", ["-c", `command -v ${program}`], { env: environment(), stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

/** False when a rootless Engine can be started, too. */
export function rootlessMissing(): string | false {
  const missing = dockerMissing();
  if (missing !== false) return missing;
  const programs = ["rootlesskit", "newuidmap", "setpriv", "unshare"];
  const absent = programs.find((program) => !isInstalled(program));
  if (absent === undefined) return false;
  const reason = `${absent} is not installed (rootlesskit, uidmap, util-linux)`;
  if (process.env.CI === "true") throw new Error(reason);
  return reason;
}

export interface EngineOptions {
  /** Run by a user who is nobody, whose containers' root is that user. */
  readonly rootless?: boolean;
}

/** A real Engine with folders, socket and containers of its own, without a network. `args` are more of dockerd's. */
export async function startDockerEngine(
  args: readonly string[] = [],
  { rootless = false }: EngineOptions = {},
): Promise<DockerEngine> {
  // Short: the path of a socket has room for a hundred bytes.
  const folder = await mkdtemp(join(tmpdir(), "cb-dockerd-"));
  if (rootless) await makeNobodysHome(folder);
  const socket = join(folder, rootless ? "run/docker.sock" : "docker.sock");
  const docker = async (...given: readonly string[]) => {
    const { stdout } = await run("docker", ["--host", `unix://${socket}`, ...given], {
      env: environment(),
      maxBuffer: 64 * 1024 * 1024,
    });
    return stdout.trim();
  };
  let pid = 0;
  const start = async () => {
    pid = await startDaemon(folder, socket, args, rootless);
  };
  const stop = async () => {
    process.kill(pid, "SIGTERM");
    while (existsSync(`/proc/${pid}`) && !(await isZombie(pid))) await delay(20);
  };
  await start();
  await importBusybox(folder, docker);
  const stopAll = async () => {
    const ids = (await docker("ps", "--all", "--quiet")).split("\n").filter(Boolean);
    if (ids.length > 0) await docker("rm", "--force", "--volumes", ...ids);
  };
  return {
    host: `unix://${socket}`,
    socket,
    folder,
    docker,
    runs: (name, script, ...more) =>
      docker(
        ...["run", "--detach", "--name", name, "--network", "none", "--stop-timeout", "1", ...more, BUSYBOX_IMAGE],
        ...["/bin/busybox", "sh", "-c", script],
      ),
    folderOf: (volume) => docker("volume", "inspect", "--format", "{{.Mountpoint}}", volume),
    state: (container) => docker("inspect", "--format", "{{.State.Status}}", container),
    stop,
    start,
    async [Symbol.asyncDispose]() {
      await stopAll().catch(() => {});
      await stop().catch(() => {});
      await unmountBelow(folder);
      await rm(folder, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** Started by a shell that ends at once, so that it is no child of the test: those are counted. */
async function startDaemon(
  folder: string,
  socket: string,
  args: readonly string[],
  rootless: boolean,
): Promise<number> {
  await rm(socket, { force: true });
  const at = (name: string) => join(folder, name);
  const own = [
    ...["--host", `unix://${socket}`, "--data-root", at("data"), "--exec-root", at("exec"), "--pidfile", at("pid")],
    ...["--iptables=false", "--ip6tables=false", "--bridge=none", "--shutdown-timeout=1"],
  ];
  const program = rootless
    ? [...["unshare", "--mount", "--propagation", "private"], "sh", "-c", ROOTLESS, folder]
    : ["dockerd"];
  const script = 'log=$1; shift; setsid "$@" >>"$log" 2>&1 </dev/null & echo $!';
  await rm(at("pid"), { force: true });
  const { stdout } = await run("sh", ["-c", script, "sh", at("log"), ...program, ...own, ...args], {
    env: environment(),
  });
  const pid = Number(stdout);
  for (let polls = 0; !(await answers(socket)); polls += 1) {
    if (polls > 600 || !existsSync(`/proc/${pid}`))
      throw new Error(`dockerd does not start: ${(await readFile(at("log"), "utf8")).slice(-2000)}`);
    await delay(50);
  }
  // A rootless one is a grandchild, in a folder that nobody else knows.
  const listening = rootless ? pid : Number(await readFile(at("pid"), "utf8"));
  if (listening !== pid) throw new Error(`another dockerd (${listening}) than ours (${pid}) listens`);
  return pid;
}

const NOBODY = 65_534;

async function makeNobodysHome(folder: string): Promise<void> {
  await writeFile(join(folder, "subid"), "nobody:2000000:65536\n");
  for (const name of ["run", "data", "exec", "home"]) await mkdir(join(folder, name), { mode: 0o700 });
  for (const name of ["", "run", "data", "exec", "home"]) await chown(join(folder, name), NOBODY, NOBODY);
}

/**
 * As dockerd-rootless.sh of docker.io does it, without a network. The numbers that nobody may give away stand in files of our own, which only these
 * programs see in /etc. `$0` is the folder.
 */
const ROOTLESS = `set -e
touch /etc/subuid /etc/subgid
mount --bind "$0/subid" /etc/subuid
mount --bind "$0/subid" /etc/subgid
exec setpriv --reuid=${NOBODY} --regid=${NOBODY} --clear-groups \\
  env -i PATH="$PATH" HOME="$0/home" XDG_RUNTIME_DIR="$0/run" \\
  rootlesskit --net=host --copy-up=/etc --copy-up=/run --propagation=rslave --state-dir="$0/home/kit" \\
  sh -c 'rm -f /run/docker /run/containerd /run/xtables.lock; exec dockerd --rootless --storage-driver=vfs "$@"' sh "$@"`;

/** Debian's static busybox, packed and imported: no registry. */
async function importBusybox(folder: string, docker: DockerEngine["docker"]): Promise<void> {
  const root = join(folder, "busybox");
  await mkdir(join(root, "bin"), { recursive: true });
  await cp(BUSYBOX.find((path) => existsSync(path)) ?? "", join(root, "bin/busybox"), { dereference: true });
  await symlink("busybox", join(root, "bin/sh"));
  await run("tar", ["-C", root, "-cf", join(folder, "busybox.tar"), "."]);
  await docker("import", join(folder, "busybox.tar"), BUSYBOX_IMAGE);
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ path });
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}

/** dockerd wants its own helpers, some of which lie where users do not look. */
function environment(): NodeJS.ProcessEnv {
  const { DOCKER_HOST: _, ...rest } = process.env;
  return { ...rest, PATH: `${process.env.PATH}:/usr/sbin:/sbin` };
}

async function isZombie(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  return stat.slice(stat.lastIndexOf(")") + 2).startsWith("Z");
}

/** A killed Engine leaves mounts behind. */
async function unmountBelow(folder: string): Promise<void> {
  const mounts = (await readFile("/proc/self/mounts", "utf8")).split("\n").map((line) => line.split(" ")[1] ?? "");
  for (const mount of mounts.filter((path) => path.startsWith(`${folder}/`)).reverse())
    await run("umount", ["--lazy", mount]).catch(() => {});
}
