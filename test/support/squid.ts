import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { chmod, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { startListening } from "./listening.ts";
import { temporaryFolder } from "./stores.ts";

export interface Squid extends AsyncDisposable {
  readonly port: number;
  /** Ends it, and answers a line for each request it had: the status, the method and the target. */
  ended(): Promise<readonly string[]>;
}

const PROGRAM = "/usr/sbin/squid";
const HELPER = "/usr/lib/squid/basic_ncsa_auth";

/** Why tests with a squid are skipped here, in one line; false when they run. In CI they run, or fail. */
export const noSquid: string | false =
  process.env.CI === undefined && !existsSync(PROGRAM) ? "no squid: apt-get install squid" : false;

/** A squid that wants `user` with this password, and for which each of `names` is this machine. Nobody else knows these. */
export async function startSquid(password: string, names: readonly string[]): Promise<Squid> {
  const folder = await temporaryFolder();
  // As root it writes its log as another user.
  await chmod(folder.path, 0o777);
  const at = (name: string) => join(folder.path, name);
  const hash = execFileSync("openssl", ["passwd", "-apr1", password], { encoding: "utf8" }).trim();
  await writeFile(at("users"), `user:${hash}\n`);
  await writeFile(at("hosts"), names.map((name) => `127.0.0.1 ${name}\n`).join(""));
  const squid = await startListening((port) => ({
    program: PROGRAM,
    args: ["-N", "-f", at("squid.conf")],
    prepare: () => writeFile(at("squid.conf"), configuration(port, at)),
  }));
  let stopped = false;
  const stop = async () => {
    if (!stopped) await squid.stop();
    stopped = true;
  };
  return {
    port: squid.port,
    async ended() {
      await stop();
      return (await readFile(at("log"), "utf8")).split("\n").filter((line) => line !== "");
    },
    async [Symbol.asyncDispose]() {
      await stop();
      await folder[Symbol.asyncDispose]();
    },
  };
}

const configuration = (port: number, at: (name: string) => string): string => `
http_port 127.0.0.1:${port}
hosts_file ${at("hosts")}
logformat short %>Hs %rm %ru
access_log stdio:${at("log")} short
cache_log /dev/null
pid_filename none
cache deny all
pinger_enable off
shutdown_lifetime 0 seconds
max_filedescriptors 1024
visible_hostname proxy.test
auth_param basic program ${HELPER} ${at("users")}
acl known proxy_auth REQUIRED
http_access allow known
http_access deny all
`;
