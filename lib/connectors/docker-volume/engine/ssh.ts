import { join } from "node:path";
import { SourceError, TransientError } from "../../../errors.ts";
import { type Exit, ProgramMissingError, programOutput } from "../../../process.ts";
import { pushedBytes } from "../../../pushed-bytes.ts";
import { scratchFolder } from "../../../scratch.ts";
import { type SshFiles, sshOptions } from "../../../ssh-options.ts";
import type { EngineHost } from "./host.ts";

/** A socket of this machine that leads to one of another. */
export interface Forward {
  readonly path: string;
  close(): Promise<void>;
}

const READY = "core-backup";

/**
 * One ssh for all requests. `cat` at the other end ends when our end of its input closes, so nothing outlives us, killed
 * or not.
 * @throws SourceError | TransientError with ssh's own words
 */
export async function forwardSocket(
  host: Extract<EngineHost, { kind: "ssh" }>,
  files: SshFiles,
  name: string,
  signal: AbortSignal,
): Promise<Forward> {
  const scratch = await scratchFolder("ssh");
  const path = join(scratch.path, "s");
  const input = pushedBytes();
  const closing = new AbortController();
  const output = programOutput("ssh", sshArguments(host, files, path), {
    // Not the caller's: what was paused is released through this connection after the caller was told to stop.
    signal: closing.signal,
    stdin: input.bytes,
    judge: (exit) => judge(exit, name),
  });
  const iterator = output[Symbol.asyncIterator]();
  const close = async () => {
    input.end();
    await iterator.return?.();
    await scratch.remove();
  };
  const stop = () => closing.abort(signal.reason);
  signal.addEventListener("abort", stop, { once: true });
  try {
    signal.throwIfAborted();
    await untilReady(iterator, name);
    return { path, close };
  } catch (error) {
    await close();
    throw missing(error);
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

/** Whatever a shell prints at login comes before our own line. */
async function untilReady(output: AsyncIterator<Uint8Array>, name: string): Promise<void> {
  let said = "";
  while (!said.includes(READY)) {
    const next = await output.next();
    if (next.done === true) throw new TransientError("SOURCE_UNAVAILABLE", `${name}: ssh ended before it began`);
    said = (said + Buffer.from(next.value).toString("latin1")).slice(-65_536);
  }
}

function sshArguments(host: Extract<EngineHost, { kind: "ssh" }>, files: SshFiles, path: string): string[] {
  return [
    ...sshOptions(files, ["ExitOnForwardFailure=yes", "StreamLocalBindMask=0177", "ControlPath=none"]),
    "-T",
    ...(host.port === undefined ? [] : ["-p", String(host.port)]),
    "-L",
    `${path}:${host.path}`,
    "--",
    host.destination,
    `echo ${READY} && exec cat`,
  ];
}

function judge(exit: Exit, name: string): void {
  const stderr = exit.stderr.trim();
  const said = stderr === "" ? "" : `: ${stderr.split("\n").slice(-3).join(" ").slice(-500)}`;
  if (/Host key verification failed/i.test(stderr)) {
    throw new SourceError(
      "SOURCE_FORBIDDEN",
      `${name}: the host's key is not known; compare it and add it with ssh-keyscan to known_hosts, or name a file with it as ssh_known_hosts_file`,
    );
  }
  if (/Permission denied|Too many authentication failures/i.test(stderr))
    throw new SourceError("SOURCE_UNAUTHORIZED", `${name}: ssh was refused${said}`);
  throw new TransientError("SOURCE_UNAVAILABLE", `${name}: ssh has no connection${said}`);
}

function missing(error: unknown): unknown {
  if (!(error instanceof ProgramMissingError)) return error;
  return new SourceError("SOURCE_FAILED", "an Engine behind ssh:// needs the program ssh, which is not installed", {
    cause: error,
  });
}
