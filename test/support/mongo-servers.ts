import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, readlink, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import type { ServerCertificate } from "./certificates.ts";

const BIN = path.join(import.meta.dirname, "..", "peers", ".bin");
const FERRET = path.join(BIN, "ferretdb");
const JAVA_SERVER = path.join(BIN, "mongo-java-server");

/** Why tests with the server are skipped here, in one line; false when they run. In CI they run, or fail. */
export const noFerret: string | false =
  existsSync(FERRET) || process.env.CI !== undefined
    ? false
    : "no FerretDB: test/peers/ferretdb/build.sh test/peers/.bin/ferretdb builds it";
export const noJavaServer: string | false =
  existsSync(path.join(JAVA_SERVER, "Launcher.class")) || process.env.CI !== undefined
    ? false
    : "no mongo-java-server: test/peers/mongo-java-server/build.sh test/peers/.bin/mongo-java-server builds it";

export interface MongoServer extends AsyncDisposable {
  /** Without credentials. */
  readonly uri: string;
  readonly pid: number;
  /** Ends it at once, as a crash does. */
  kill(): Promise<void>;
}

export interface FerretOptions {
  /** Of the one account there is; without it anyone may do anything. */
  readonly account?: { readonly user: string; readonly password: string };
  /** Speaks nothing else then, and wants a certificate of the same authority. */
  readonly tls?: ServerCertificate;
}

/** FerretDB over SQLite: accounts, UUIDs, any name, documents of 16 MiB. */
export async function startFerret({ account, tls }: FerretOptions = {}): Promise<MongoServer> {
  const folder = await mkdtemp(path.join(tmpdir(), "ferretdb-"));
  const port = await freePort();
  const started = await start([
    ...[FERRET, "--handler=sqlite", `--sqlite-url=file:${folder}/`, `--state-dir=${folder}`],
    ...["--debug-addr=-", "--telemetry=disable", "--log-level=error"],
    ...(tls === undefined
      ? [`--listen-addr=127.0.0.1:${port}`]
      : [
          ...["--listen-addr=", `--listen-tls=127.0.0.1:${port}`, `--listen-tls-ca-file=${tls.caFile}`],
          ...[`--listen-tls-cert-file=${tls.certFile}`, `--listen-tls-key-file=${tls.keyFile}`],
        ]),
    ...(account === undefined
      ? []
      : [
          ...["--test-enable-new-auth", "--setup-database=admin"],
          ...[`--setup-username=${account.user}`, `--setup-password=${account.password}`],
        ]),
  ]);
  await listens(started.pid, port);
  return server(started, port, () => rm(folder, { recursive: true, force: true }));
}

export interface JavaServerOptions {
  /** Makes it a replica set of one, with an oplog. */
  readonly setName?: string;
  /** Documents in a reply. */
  readonly maxBatch?: number;
}

/** mongo-java-server, in memory: most BSON types, every option of indexes, an oplog. */
export async function startJavaServer({
  setName = "-",
  maxBatch = 1000,
}: JavaServerOptions = {}): Promise<MongoServer> {
  const started = await start([
    ...["java", "-Xmx3g", "-XX:TieredStopAtLevel=1", "-Dorg.slf4j.simpleLogger.defaultLogLevel=off"],
    ...["-cp", `${JAVA_SERVER}/*:${JAVA_SERVER}`, "Launcher", setName, String(maxBatch)],
  ]);
  const { value: port } = await started.lines.next();
  if (port === undefined) throw new Error("mongo-java-server ended before it listened");
  return server(started, Number(port), async () => {});
}

interface Started {
  readonly pid: number;
  readonly lines: AsyncIterator<string>;
  /** Ends the server and whoever watches over it. */
  end(): void;
}

/**
 * A program that is no child of ours, since the contract of connectors looks at those, and that ends when we do: a
 * shell waits for the end of a pipe that we hold, and kills it then. (Not of its input, which Node closes when the first shell ends.)
 */
async function start(command: readonly string[]): Promise<Started> {
  const script = '("$@" <&3 & echo $!; cat <&3 >/dev/null; kill -9 $! 2>/dev/null) &';
  const shell = spawn("sh", ["-c", script, "sh", ...command], { stdio: ["ignore", "pipe", "inherit", "pipe"] });
  if (shell.stdout === null) throw new Error("the shell has no output");
  const lines = createInterface(shell.stdout)[Symbol.asyncIterator]();
  const { value: pid } = await lines.next();
  return { pid: Number(pid), lines, end: () => shell.stdio[3]?.destroy() };
}

function server({ pid, end }: Started, port: number, clean: () => Promise<void>): MongoServer {
  const kill = async () => {
    if (existsSync(`/proc/${pid}`)) process.kill(pid, "SIGKILL");
    while (existsSync(`/proc/${pid}`)) await delay(5);
  };
  return {
    uri: `mongodb://127.0.0.1:${port}`,
    pid,
    kill,
    async [Symbol.asyncDispose]() {
      await kill();
      end();
      await clean();
    },
  };
}

async function freePort(): Promise<number> {
  const probe = createServer();
  probe.listen(0, "127.0.0.1");
  await once(probe, "listening");
  const address = probe.address();
  probe.close();
  await once(probe, "close");
  if (address === null || typeof address === "string") throw new Error("a listening socket has no port");
  return address.port;
}

/** Waits until the very process that was started listens there: whoever else does is no server of ours. */
async function listens(pid: number, port: number): Promise<void> {
  while (!(await isListener(pid, port))) {
    if (!existsSync(`/proc/${pid}`)) throw new Error("the server ended before it listened");
    await delay(20);
  }
}

async function isListener(pid: number, port: number): Promise<boolean> {
  const table = await readFile(`/proc/${pid}/net/tcp`, "latin1").catch(() => "");
  const local = `0100007F:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  const line = table.split("\n").find((entry) => entry.includes(` ${local} `) && / 0A /.test(entry));
  const inode = line?.trim().split(/\s+/)[9];
  if (inode === undefined) return false;
  const descriptors = await readdir(`/proc/${pid}/fd`).catch(() => []);
  const targets = await Promise.all(descriptors.map((fd) => readlink(`/proc/${pid}/fd/${fd}`).catch(() => "")));
  return targets.includes(`socket:[${inode}]`);
}
