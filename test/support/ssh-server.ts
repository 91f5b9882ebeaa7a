import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { freePort } from "./free-port.ts";

/** sshd wants to be called by its whole path. */
const SSHD = "/usr/sbin/sshd";

export interface SshServer extends AsyncDisposable {
  /** `ssh://USER@127.0.0.1:PORT`; a path of this machine follows. */
  readonly url: string;
  readonly keyFile: string;
  /** A key that the server does not know. */
  readonly strangeKeyFile: string;
  readonly knownHostsFile: string;
  readonly emptyKnownHostsFile: string;
}

/** False when the test can run. In CI a missing server is a failure, not a reason to skip. */
export function sshMissing(): string | false {
  if (existsSync(SSHD) || process.env.CI === "true") return false;
  return "sshd is not installed (openssh-server)";
}

/** A real sshd on a free port of 127.0.0.1 with keys of its own, for this user. `acceptEnv` false makes it one that hides the protocol. */
export async function startSshServer({ acceptEnv }: { readonly acceptEnv: boolean }): Promise<SshServer> {
  const folder = await mkdtemp(join(tmpdir(), "sshd-"));
  const file = (name: string) => join(folder, name);
  for (const name of ["host", "user", "strange"]) {
    execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", file(name)]);
  }
  const port = await freePort();
  await writeFile(file("authorized"), await readFile(file("user.pub")));
  await writeFile(file("known"), `[127.0.0.1]:${port} ${await readFile(file("host.pub"), "utf8")}`);
  await writeFile(file("unknown"), "");
  await writeFile(file("config"), configuration(port, file, acceptEnv));
  // Where sshd as root separates its privileges; a package makes it when the service starts.
  if (userInfo().uid === 0) await mkdir("/run/sshd", { recursive: true, mode: 0o755 });
  const child = spawn(SSHD, ["-D", "-e", "-f", file("config")], { stdio: ["ignore", "ignore", "pipe"] });
  let log = "";
  child.stderr.on("data", (chunk: Buffer) => {
    log += chunk.toString();
  });
  while (!(await answers(port))) {
    if (child.exitCode !== null) throw new Error(`sshd ended: ${log}`);
    await delay(20);
  }
  return {
    url: `ssh://${userInfo().username}@127.0.0.1:${port}`,
    keyFile: file("user"),
    strangeKeyFile: file("strange"),
    knownHostsFile: file("known"),
    emptyKnownHostsFile: file("unknown"),
    async [Symbol.asyncDispose]() {
      const closed = once(child, "close");
      child.kill("SIGTERM");
      await closed;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function configuration(port: number, file: (name: string) => string, acceptEnv: boolean): string {
  return [
    "ListenAddress 127.0.0.1",
    `Port ${port}`,
    `HostKey ${file("host")}`,
    `AuthorizedKeysFile ${file("authorized")}`,
    "PidFile none",
    "UsePAM no",
    "StrictModes no",
    "PasswordAuthentication no",
    "PermitRootLogin yes",
    ...(acceptEnv ? ["AcceptEnv GIT_PROTOCOL"] : []),
    "",
  ].join("\n");
}

async function answers(port: number): Promise<boolean> {
  const socket = connect(port, "127.0.0.1");
  try {
    await once(socket, "data");
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
