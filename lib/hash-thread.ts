import { on } from "node:events";
import { Worker } from "node:worker_threads";
import { TransientError } from "./errors.ts";

/** SHA-256, taken on a thread of its own. */
export interface ThreadHash {
  /** Gives the pieces away: their memory is freed as soon as they are hashed. Waits while the thread is far behind. */
  take(pieces: readonly ArrayBuffer[]): Promise<void>;
  /** Lower-case hexadecimal. */
  digest(): Promise<string>;
  /** Ends the thread, also in the middle. */
  close(): Promise<void>;
}

/** So many calls of `take` the thread may be behind. */
const BEHIND = 4;

/** As text, so that it is also found where all modules are bundled into one file. `transfer` is missing from Node 20. */
const PROGRAM = `
const { createHash } = require("node:crypto");
const { parentPort } = require("node:worker_threads");
const hash = createHash("sha256");
parentPort.on("message", (pieces) => {
  for (const piece of pieces ?? []) {
    hash.update(new Uint8Array(piece));
    piece.transfer?.(0);
  }
  parentPort.postMessage(pieces === null ? hash.digest("hex") : null);
});
`;

/**
 * Whoever calls it closes it. Undefined where no thread can be started, as at a container's limit of processes.
 * @throws TransientError, from each method, when the thread ended: that says nothing about the bytes
 */
export function hashInThread(): ThreadHash | undefined {
  const worker = startWorker();
  return worker === undefined ? undefined : hashOn(worker);
}

function hashOn(worker: Worker): ThreadHash {
  const answers = on(worker, "message", { close: ["exit"] });
  let expected = 0;

  function send(message: readonly ArrayBuffer[] | null): void {
    worker.postMessage(message, message ?? []);
    expected += 1;
  }

  /** The thread keeps the process alive while somebody waits for it, and no longer. */
  async function answer(): Promise<unknown> {
    worker.ref();
    try {
      const next = await answers.next().catch((error: unknown) => {
        throw hasEnded(error);
      });
      if (next.done === true) throw hasEnded();
      expected -= 1;
      return next.value[0];
    } finally {
      worker.unref();
    }
  }

  worker.unref();
  return {
    async take(pieces) {
      send(pieces);
      while (expected > BEHIND) await answer();
    },
    async digest() {
      send(null);
      while (expected > 1) await answer();
      return String(await answer());
    },
    async close() {
      await worker.terminate();
    },
  };
}

function startWorker(): Worker | undefined {
  try {
    return new Worker(PROGRAM, { eval: true, env: {}, execArgv: [] });
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ERR_WORKER_INIT_FAILED") return undefined;
    throw error;
  }
}

const hasEnded = (cause?: unknown): TransientError =>
  new TransientError("INTERNAL", "the thread that hashes has ended, as where the memory is used up", { cause });
