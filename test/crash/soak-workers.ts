import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { SoakNews, SoakTask } from "./soak-worker.ts";
import type { Tally } from "./tally.ts";

/** A process of the harness. After one that ended in the middle of its work there is another one for what is still to be done. */
export interface SoakWorker extends AsyncDisposable {
  /** @throws Error with the stack of the one there; for all under way in a process that ended, with the last that it printed */
  run(task: Omit<SoakTask, "id">): Promise<Tally>;
}

/** Of what a process printed, enough for what it says when it ends. */
const PRINTED_CHARACTERS = 4_000;
/** For that to come. A child of its own that lives on, stopped, keeps the pipe open. */
const LAST_WORDS_MS = 2_000;

export function startWorker(program = join(import.meta.dirname, "soak-worker.ts")): SoakWorker {
  let living = startProcess(program);
  return {
    async run(task) {
      while (!living.child.connected) {
        const before = living;
        await before.ended;
        if (living === before) living = startProcess(program);
      }
      return living.run(task);
    },
    async [Symbol.asyncDispose]() {
      if (living.child.connected) living.child.disconnect();
      await living.ended;
    },
  };
}

function startProcess(program: string) {
  const child = fork(program, { stdio: ["ignore", "pipe", "pipe", "ipc"] });
  const waiting = new Map<number, { done: (tally: Tally) => void; failed: (error: Error) => void }>();
  const printed = passedOn(child);
  let count = 0;
  child.on("message", (news: SoakNews) => {
    const task = waiting.get(news.id);
    waiting.delete(news.id);
    if ("tally" in news) task?.done(news.tally);
    else task?.failed(new Error(news.error));
  });
  const closed = once(child, "close");
  const ended = once(child, "exit").then(async ([code, signal]) => {
    await Promise.race([closed, new Promise((resolve) => setTimeout(resolve, LAST_WORDS_MS))]);
    child.stdout?.destroy();
    child.stderr?.destroy();
    const error = new Error(`a process of the harness ended with ${code ?? signal}: ${printed()}`);
    for (const { failed } of waiting.values()) failed(error);
    waiting.clear();
  });
  return {
    child,
    ended,
    run(task: Omit<SoakTask, "id">): Promise<Tally> {
      const id = count;
      count += 1;
      return new Promise<Tally>((done, failed) => {
        waiting.set(id, { done, failed });
        // What cannot be sent any more is among what the end of the process fails.
        child.send({ ...task, id } satisfies SoakTask, () => undefined);
      });
    },
  };
}

/** What a process prints is printed here; the last of it is kept. */
function passedOn({ stdout, stderr }: ChildProcess): () => string {
  let last = "";
  for (const [from, to] of [
    [stdout, process.stdout],
    [stderr, process.stderr],
  ] as const) {
    from?.setEncoding("utf8").on("data", (text: string) => {
      to.write(text);
      last = (last + text).slice(-PRINTED_CHARACTERS);
    });
  }
  return () => last.trim();
}
