import type { Bytes } from "../bytes.ts";
import { SourceError } from "../errors.ts";
import { checkEgress } from "../network/egress.ts";
import { programOutput } from "../process.ts";
import { pushedBytes } from "../pushed-bytes.ts";
import { sshOptions } from "../ssh-options.ts";
import { byteReader } from "./byte-reader.ts";
import { judgeProgram, programFault } from "./fault.ts";
import { readingEnvironment } from "./git-program.ts";
import type { Location } from "./location.ts";
import { FLUSH, packetReader } from "./pkt-line.ts";
import type { GitRemote } from "./remote.ts";
import type { Transport } from "./transport.ts";

/** `git upload-pack` on this machine. It runs no hook of the repository and fetches nothing that is missing there. */
export function openLocal(path: string, signal: AbortSignal): Transport {
  return overProgram("git", ["upload-pack", path], path, "reading a repository on this machine", signal);
}

/** `git-upload-pack` on another machine. ssh asks nothing: a key that wants a passphrase or an unknown host is an error. */
export function openSsh(
  location: Extract<Location, { kind: "ssh" }>,
  repository: GitRemote,
  signal: AbortSignal,
): Transport {
  const where = `${location.host}:${location.path}`;
  // What ssh connects to by its own configuration is not seen here.
  checkEgress(location.host.slice(location.host.indexOf("@") + 1), location.port ?? 22);
  return overProgram("ssh", sshArguments(location, repository), where, "reading over ssh", signal);
}

function sshArguments(location: Extract<Location, { kind: "ssh" }>, repository: GitRemote): string[] {
  const port = location.port === undefined ? [] : ["-p", String(location.port)];
  return [
    ...sshOptions(repository, ["SendEnv=GIT_PROTOCOL"]),
    ...port,
    "--",
    location.host,
    `git-upload-pack ${shellQuoted(location.path)}`,
  ];
}

function overProgram(
  program: string,
  args: readonly string[],
  where: string,
  what: string,
  signal: AbortSignal,
): Transport {
  const input = pushedBytes();
  const output = programOutput(program, args, {
    signal,
    stdin: input.bytes,
    env: { ...readingEnvironment, GIT_PROTOCOL: "version=2" },
    judge: (exit) => judgeProgram(program, where, exit),
  });
  const reader = byteReader(named(output, what));
  const packets = packetReader(reader);
  return {
    greeting: packets,
    async send(request) {
      input.push(request);
      return packets;
    },
    async finish() {
      input.push(FLUSH);
      input.end();
      // The stream ends only after the program ended well.
      const more = await reader.some();
      if (more !== undefined) throw new SourceError("SOURCE_PROTOCOL", `${where}: more comes than the protocol allows`);
    },
    async close() {
      input.end();
      await reader.close();
    },
  };
}

async function* named(output: Bytes, what: string): Bytes {
  try {
    yield* output;
  } catch (error) {
    throw programFault(error, what);
  }
}

/** For the shell at the other end, as git itself does it. `~/…` stays open to it. */
function shellQuoted(path: string): string {
  const quoted = (text: string) => `'${text.replaceAll("'", `'\\''`).replaceAll("!", `'\\!'`)}'`;
  const home = /^~[A-Za-z0-9._-]*\//.exec(path)?.[0];
  return home === undefined ? quoted(path) : home + quoted(path.slice(home.length));
}
