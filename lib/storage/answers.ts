import { resolve } from "node:path";
import { TransientError } from "../errors.ts";
import { endsWithin } from "../process.ts";

interface AnswerOptions {
  /** How long it may take. Default: half a minute. */
  readonly limitMs?: number;
  /** Looks at the path that it is given last. Default: `stat -L`, as that path may be a link to a share. */
  readonly program?: readonly [string, ...string[]];
}

const LIMIT_MS = 30_000;
/** So long an answer is taken for the next one. */
const FRESH_MS = 10_000;

/** By their path: who asks while it is looked at waits for the same answer, so that a share that is dead costs one process. */
const looking = new Map<string, Promise<void>>();

/**
 * Whether the file system of `base` answers at all: an NFS mount with `hard` does not while its server is away, for as long as that takes.
 * Asked by a program of its own: a call of ours would take one of the few threads that all files and names go through, until it comes
 * back, and four of them would stop whatever else this process does, its end included. @throws TransientError `STORAGE_FAILED`
 */
export function answerCheck(basePath: string, options: AnswerOptions = {}): () => Promise<void> {
  const base = resolve(basePath);
  let answeredAt = Number.NEGATIVE_INFINITY;
  return async () => {
    if (performance.now() - answeredAt < FRESH_MS) return;
    const look = looking.get(base) ?? lookAt(base, options).finally(() => looking.delete(base));
    looking.set(base, look);
    await look;
    answeredAt = performance.now();
  };
}

/** What the program says does not matter, nor that there is none: then nobody can be asked. */
async function lookAt(base: string, { limitMs = LIMIT_MS, program = ["stat", "-L"] }: AnswerOptions): Promise<void> {
  const [name, ...args] = program;
  if (!(await endsWithin(limitMs, name, [...args, base]))) throw silent(base, limitMs);
}

const silent = (base: string, limitMs: number): TransientError =>
  new TransientError(
    "STORAGE_FAILED",
    `the file system of ${base} has not answered within ${limitMs / 1000} s: is the server there that it is mounted from?`,
  );
