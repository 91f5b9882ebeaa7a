import { SourceError } from "../../errors.ts";
import { findContainer } from "./engine/api.ts";
import type { Engine } from "./engine/engine.ts";
import { createdShape, execStateShape } from "./engine/shapes.ts";
import type { ExecCommand } from "./options.ts";
import { isMountOf, type Source } from "./source.ts";

const SHOWN_BYTES = 4_096;
const FRAME_HEADER = 8;

/**
 * Runs a command in its container, if that mounts the source; the order is that of the list.
 * @throws SourceError when the container is not there or not running, and when the command does not end well
 */
export async function runCommands(
  engine: Engine,
  source: Source,
  commands: readonly ExecCommand[],
  signal: AbortSignal,
): Promise<void> {
  for (const one of commands) await runCommand(engine, source, one, signal);
}

async function runCommand(engine: Engine, source: Source, given: ExecCommand, signal: AbortSignal): Promise<void> {
  const shown = `${given.command.join(" ").slice(0, 100)} in ${given.container}`;
  const container = await findContainer(engine, given.container, signal);
  if (container === undefined)
    throw new SourceError("SOURCE_NOT_FOUND", `${shown} cannot be run: there is no such container`);
  if (!container.Mounts.some((mount) => isMountOf(source, mount))) return;
  if (!container.State.Running)
    throw new SourceError("SOURCE_FAILED", `${shown} cannot be run: the container is not running`);
  const limit = AbortSignal.timeout(given.timeout);
  try {
    const { code, output } = await exec(engine, container.Id, given, AbortSignal.any([signal, limit]));
    if (code === 0) return;
    const said = output.trim().split("\n").slice(-3).join(" ").slice(-500);
    throw new SourceError("SOURCE_FAILED", `${shown} ended with exit code ${code}${said === "" ? "" : `: ${said}`}`);
  } catch (error) {
    signal.throwIfAborted();
    if (!limit.aborted) throw error;
    throw new SourceError(
      "SOURCE_FAILED",
      `${shown} took longer than its timeout of ${given.timeout / 1000} s; it may still be running there`,
    );
  }
}

async function exec(engine: Engine, id: string, given: ExecCommand, signal: AbortSignal) {
  const what = `does not run a command in ${given.container}`;
  const json = { AttachStdout: true, AttachStderr: true, Cmd: given.command, User: given.user };
  const created = { method: "POST", path: `/containers/${id}/exec`, json, signal, what } as const;
  const { Id } = await engine.ask(created, createdShape);
  const start = {
    method: "POST",
    path: `/exec/${Id}/start`,
    json: { Detach: false, Tty: false },
    signal,
    what,
  } as const;
  const { body } = await engine.open(start);
  const unframed = createUnframer();
  let output = Buffer.alloc(0);
  for await (const chunk of body) {
    for (const piece of unframed(chunk)) output = Buffer.concat([output, piece]).subarray(-SHOWN_BYTES);
  }
  const ended = await engine.ask({ method: "GET", path: `/exec/${Id}/json`, signal, what }, execStateShape);
  if (ended.Running || ended.ExitCode === null)
    throw new SourceError("SOURCE_FAILED", `the Engine stopped listening to a command in ${given.container}`);
  return { code: ended.ExitCode, output: output.toString("utf8") };
}

/** Standard output and error come in frames: which one, three zeros, a length, and so many bytes. */
function createUnframer(): (chunk: Uint8Array) => Generator<Uint8Array> {
  const header = Buffer.alloc(FRAME_HEADER);
  let filled = 0;
  let left = 0;
  return function* (chunk) {
    let offset = 0;
    while (offset < chunk.byteLength) {
      if (left === 0) {
        header[filled] = chunk[offset] ?? 0;
        filled += 1;
        offset += 1;
        if (filled === FRAME_HEADER) {
          left = header.readUInt32BE(4);
          filled = 0;
        }
        continue;
      }
      const piece = chunk.subarray(offset, offset + left);
      left -= piece.byteLength;
      offset += piece.byteLength;
      yield piece;
    }
  };
}
