import { resolve } from "node:path";
import { TransientError } from "../errors.ts";
import { endsWithin } from "../process.ts";
import { giveUp } from "../retry.ts";
import { withDeadline } from "../scheduling/deadline.ts";

interface AnswerOptions {
  /** How long it may take. Default: half a minute. */
  readonly limitMs?: number;
  /** Looks at the path that it is given last. Default: `stat`. */
  readonly program?: readonly [string, ...string[]];
  /** Who waits for an answer waits no longer than this says; its reason is thrown. */
  readonly signal?: AbortSignal;
}

const LIMIT_MS = 30_000;
/** Of what the path leads to, which may be a link. On Linux of its file system: that NFS asks its server, and a file's state may be one of a minute ago. */
const STAT = ["stat", "-L", ...(process.platform === "linux" ? ["-f"] : [])] as const;
/** So long an answer is taken for the next one. */
const FRESH_MS = 10_000;
/** What has been silent for so long is asked once in so long; in between, calls fail at once, and are not tried again. */
const LONG_MS = 180_000;
const REST_MS = 60_000;
/** Nothing is known of so long a time without a question. */
const FORGOTTEN_MS = 120_000;

interface Silence {
  /** When the first question had no answer, and when the last one. */
  readonly since: number;
  readonly lastAt: number;
}

/** By their path: who asks while it is looked at waits for the same answer, so that a share that is dead costs one process. */
const looking = new Map<string, Promise<void>>();
/** By their path too: each job of a share that is dead would otherwise wait for minutes at each call, and all that comes after it. */
const silences = new Map<string, Silence>();

/**
 * Whether the file system of `basePath` answers at all: an NFS mount with `hard` does not while its server is away, for as long as that takes.
 * Asked by a program of its own: a call of ours would take one of the few threads that all files and names go through, until it comes
 * back, and four of them would stop whatever else this process does, its end included.
 * @throws TransientError `STORAGE_FAILED`, which `wasGivenUp` where it has been silent for minutes
 */
export function answerCheck(basePath: string, options: AnswerOptions = {}): () => Promise<void> {
  const { limitMs = LIMIT_MS, program = STAT, signal = new AbortController().signal } = options;
  const base = resolve(basePath);
  let answeredAt = Number.NEGATIVE_INFINITY;
  return async () => {
    const now = performance.now();
    if (now - answeredAt < FRESH_MS) return;
    const silence = silences.get(base);
    if (isLong(silence) && now - silence.lastAt < REST_MS) throw giveUp(silent(base, limitMs));
    // Of a look that is begun and not waited for, nobody would hear that it failed.
    signal.throwIfAborted();
    const look = looking.get(base) ?? lookAt(base, limitMs, program).finally(() => looking.delete(base));
    looking.set(base, look);
    // Only this one stops to wait: others may have the answer yet.
    await withDeadline(signal, Number.POSITIVE_INFINITY, () => look, { graceMs: 0 });
    answeredAt = performance.now();
  };
}

/** What the program says does not matter, nor that there is none: then nobody can be asked. */
async function lookAt(base: string, limitMs: number, [name, ...args]: readonly [string, ...string[]]): Promise<void> {
  if (await endsWithin(limitMs, name, [...args, base])) {
    silences.delete(base);
    return;
  }
  const lastAt = performance.now();
  const before = silences.get(base);
  const isGoingOn = before !== undefined && lastAt - before.lastAt < FORGOTTEN_MS;
  const silence = { since: isGoingOn ? before.since : lastAt, lastAt };
  silences.set(base, silence);
  throw isLong(silence) ? giveUp(silent(base, limitMs)) : silent(base, limitMs);
}

const isLong = (silence: Silence | undefined): silence is Silence =>
  silence !== undefined && silence.lastAt - silence.since >= LONG_MS;

const silent = (base: string, limitMs: number): TransientError =>
  new TransientError(
    "STORAGE_FAILED",
    `the file system of ${base} has not answered within ${limitMs / 1000} s: is the server there that it is mounted from?`,
  );
