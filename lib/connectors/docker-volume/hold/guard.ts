import { extname, join } from "node:path";
import { SourceError } from "../../../errors.ts";
import { programOutput } from "../../../process.ts";
import { pushedBytes } from "../../../pushed-bytes.ts";
import type { EnginePlace } from "../engine/connect.ts";

/** A process of its own that outlives us, and then releases what we held. */
export interface Guard {
  /** There is nothing to release any more. */
  dismiss(): Promise<void>;
  /** Has it release everything now. */
  leave(): Promise<void>;
}

/** What the guard is told on its standard input, which no process list shows. */
export interface GuardOrders {
  readonly place: EnginePlace;
  /** The container whose labels say what is held. */
  readonly helper: string;
  readonly limitMs: number;
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
      throw new SourceError("SOURCE_FAILED", "the guard that releases containers does not start, so none is held");
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
