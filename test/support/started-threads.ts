import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { syncBuiltinESMExports } from "node:module";
import threads, { type Worker } from "node:worker_threads";

/** The threads that are started while `work` is done; `onStart` hears of each at once. */
export async function threadsDuring(
  work: (started: readonly Worker[]) => Promise<void>,
  onStart: (worker: Worker) => void = () => {},
): Promise<readonly Worker[]> {
  const started: Worker[] = [];
  const hear = (message: unknown) => {
    const { worker } = message as { worker: Worker };
    started.push(worker);
    onStart(worker);
  };
  subscribe("worker_threads", hear);
  try {
    await work(started);
    return started;
  } finally {
    unsubscribe("worker_threads", hear);
  }
}

/** As where a container has no process left: what Node 24 throws then. */
export async function withoutThreads(work: () => Promise<void>): Promise<void> {
  const real = threads.Worker;
  const refused = function refused(): never {
    throw Object.assign(new Error("EAGAIN"), { code: "ERR_WORKER_INIT_FAILED" });
  };
  Object.assign(threads, { Worker: refused });
  syncBuiltinESMExports();
  try {
    await work();
  } finally {
    Object.assign(threads, { Worker: real });
    syncBuiltinESMExports();
  }
}
