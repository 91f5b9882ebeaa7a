import { extname, join } from "node:path";
import { SourceError } from "../../../errors.ts";
import { programOutput } from "../../../process.ts";
import { pushedBytes } from "../../../pushed-bytes.ts";
import type { EnginePlace } from "../engine/connect.ts";
import type { ExecCommand } from "../options.ts";
import type { Source } from "../source.ts";

/** A process of its own that outlives us, and then undoes what we did to containers. */
export interface Guard {
  /** There is nothing to undo any more. */
  dismiss(): Promise<void>;
  /** Has it undo everything now. */
  leave(): Promise<void>;
}

/** What the guard is told on its standard input, which no process list shows. */
export interface GuardOrders {
  readonly place: EnginePlace;
  readonly undo:
    | {
        /** The container whose labels and name say what is held. */
        readonly helper: string;
        readonly limitMs: number;
      }
    | {
        readonly source: Source;
        /** What follows the commands that were run before the reading. */
        readonly commands: readonly ExecCommand[];
      };
}

export const GUARD_READY = "ready\n";
export const GUARD_DISMISSED = "dismissed\n";

/** In the checkout it is TypeScript, in the package JavaScript. */
const PROGRAM = join(import.meta.dirname, `guard-process${extname(import.meta.filename)}`);

/** Starts one and waits until it watches. Its input closes when we end, however we end; that is its signal. */
export async function startGuard(orders: GuardOrders, signal: AbortSignal): Promise<Guard> {
  const input = pushedBytes();
  const output = programOutput(process.execPath, [PROGRAM], {
    signal: new AbortController().signal,
    stdin: input.bytes,
    proxyCredentials: true,
  });
  const iterator = output[Symbol.asyncIterator]();
  input.push(Buffer.from(`${JSON.stringify(orders)}\n`));
  const end = async () => {
    input.end();
    while ((await iterator.next()).done !== true);
  };
  try {
    const first = await iterator.next();
    if (first.done === true || Buffer.from(first.value).toString() !== GUARD_READY)
      throw new SourceError(
        "SOURCE_FAILED",
        "the guard that undoes what is done to containers does not start, so nothing is done",
      );
    signal.throwIfAborted();
  } catch (error) {
    input.push(Buffer.from(GUARD_DISMISSED));
    input.end();
    await iterator.return?.();
    throw error;
  }
  return {
    async dismiss() {
      input.push(Buffer.from(GUARD_DISMISSED));
      await end();
    },
    leave: end,
  };
}
