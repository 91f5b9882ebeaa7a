import { fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { SoakNews, SoakTask } from "./soak-worker.ts";
import type { Tally } from "./tally.ts";

/** A process of the harness. */
export interface SoakWorker extends AsyncDisposable {
  /** @throws Error with the stack of the one there, or since the process has ended */
  run(task: Omit<SoakTask, "id">): Promise<Tally>;
}

export function startWorker(): SoakWorker {
  const child = fork(join(import.meta.dirname, "soak-worker.ts"));
  const waiting = new Map<number, { done: (tally: Tally) => void; failed: (error: Error) => void }>();
  let count = 0;
  child.on("message", (news: SoakNews) => {
    const task = waiting.get(news.id);
    waiting.delete(news.id);
    if ("tally" in news) task?.done(news.tally);
    else task?.failed(new Error(news.error));
  });
  const ended = once(child, "exit").then(([code, signal]) => {
    const error = new Error(`a process of the harness ended with ${code ?? signal}`);
    for (const { failed } of waiting.values()) failed(error);
    waiting.clear();
    return error;
  });
  return {
    async run(task) {
      if (!child.connected) throw await ended;
      const id = count;
      count += 1;
      return new Promise<Tally>((done, failed) => {
        waiting.set(id, { done, failed });
        child.send({ ...task, id } satisfies SoakTask);
      });
    },
    async [Symbol.asyncDispose]() {
      if (child.connected) child.disconnect();
      await ended;
    },
  };
}
