import { type ChildProcess, spawn } from "node:child_process";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Bytes } from "./bytes.ts";
import { inBothSpellings, proxyEnvironment } from "./network/proxies.ts";

/** How a program ended. `stderr` is its last 64 KiB, read as UTF-8. */
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stderr: string;
}

export interface ProgramOptions {
  readonly signal: AbortSignal;
  readonly stdin?: Bytes;
  readonly cwd?: string;
  /** On top of `PATH`, `HOME` and the like. Programs see nothing else of our environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Whether it is told the credentials of the proxy too, because it asks hosts in our place. Default: where the proxy is, and no more. */
  readonly proxyCredentials?: boolean;
  /** Open files of ours that the program gets as its descriptors 3, 4 and so on. */
  readonly descriptors?: readonly number[];
  /** Judges the end and throws if it was a failure. The default throws unless the exit code is 0. */
  readonly judge?: (exit: Exit) => void;
  /** Hears all of the standard error as it comes, of which `Exit` keeps only the end. It must not throw. */
  readonly onStderr?: (chunk: Uint8Array) => void;
}

const STDERR_LIMIT = 64 * 1024;
const KILL_GRACE_MS = 5_000;
/** What programs need to find themselves, their user and their agent. Secrets of ours are not among it; of proxies network/ knows. */
const PASSED_ON = /^(PATH|HOME|USER|LOGNAME|TMPDIR|TZ|SSH_AUTH_SOCK|SSL_CERT_(FILE|DIR)|GIT_SSL_CAINFO)$/i;

/** The program was not found. */
export class ProgramMissingError extends Error {
  readonly program: string;

  constructor(program: string, options?: ErrorOptions) {
    super(`the program ${program} is not installed`, options);
    this.program = program;
  }
}
Object.defineProperty(ProgramMissingError.prototype, "name", { value: "ProgramMissingError", enumerable: false });

/** A program that ended otherwise than it should. */
export class ProgramFailedError extends Error {
  readonly exit: Exit;

  constructor(program: string, exit: Exit) {
    const how = exit.signal === null ? `ended with exit code ${exit.code}` : `was ended by ${exit.signal}`;
    const why = lastLine(exit.stderr);
    super(`${program} ${how}${why === "" ? "" : `: ${why}`}`);
    this.exit = exit;
  }
}
Object.defineProperty(ProgramFailedError.prototype, "name", { value: "ProgramFailedError", enumerable: false });

/**
 * The standard output of a program. The stream ends only after the program ended and was judged good, so a dump that
 * dies half-way can never look whole. Stopping early ends the program: SIGTERM to its group, SIGKILL after 5 s.
 * @throws ProgramMissingError | ProgramFailedError, or whatever `judge`, `stdin` or the signal's reason throw
 */
export async function* programOutput(program: string, args: readonly string[], options: ProgramOptions): Bytes {
  options.signal.throwIfAborted();
  const child = spawn(program, [...args], {
    cwd: options.cwd,
    env: childEnvironment(options),
    stdio: [options.stdin === undefined ? "ignore" : "pipe", "pipe", "pipe", ...(options.descriptors ?? [])],
    // A group of its own: a Ctrl-C at the terminal reaches us alone, and we end children in order.
    detached: true,
  });
  const exit = exitOf(child, program, options.onStderr);
  exit.catch(() => {});
  const feeding = feed(child, options.stdin);
  feeding.catch(() => {});
  const stop = () => child.stdout?.destroy(options.signal.reason);
  options.signal.addEventListener("abort", stop, { once: true });
  let ended = false;
  try {
    if (child.stdout !== null) yield* child.stdout as AsyncIterable<Uint8Array>;
    const result = await exit;
    ended = true;
    (options.judge ?? ((end) => failUnlessZero(program, end)))(result);
    await feeding;
  } catch (error) {
    // A program that is missing fails here with a broken pipe first; the cause is what counts.
    if (child.pid === undefined) await exit;
    options.signal.throwIfAborted();
    throw error;
  } finally {
    options.signal.removeEventListener("abort", stop);
    if (!ended && child.pid !== undefined) await endGroup(child, exit);
  }
}

/** Runs a program to its end and answers its standard output as text, up to `limit` bytes. */
export async function programText(
  program: string,
  args: readonly string[],
  options: ProgramOptions,
  limit = 16 * 1024 * 1024,
): Promise<string> {
  const pieces: Uint8Array[] = [];
  let total = 0;
  for await (const chunk of programOutput(program, args, options)) {
    total += chunk.byteLength;
    if (total > limit) throw new RangeError(`${program} printed more than ${limit} bytes`);
    pieces.push(chunk);
  }
  return Buffer.concat(pieces).toString("utf8");
}

/**
 * Whether a program that reads and says nothing comes to an end within the time, whatever that is; one that is not there has ended. For
 * what may hang in the system itself: it is killed then, and not waited for.
 */
export async function endsWithin(limitMs: number, program: string, args: readonly string[]): Promise<boolean> {
  let child: ChildProcess;
  try {
    child = spawn(program, [...args], { env: childEnvironment({}), stdio: "ignore", detached: true });
  } catch {
    // For want of memory, or where no process may be started: nothing was, and so nothing hangs.
    return true;
  }
  let timer: NodeJS.Timeout | undefined;
  const isEnded = await new Promise<boolean>((found) => {
    timer = setTimeout(() => found(false), limitMs);
    child.once("error", () => found(true));
    child.once("exit", () => found(true));
  });
  clearTimeout(timer);
  child.kill("SIGKILL");
  child.unref();
  return isEnded;
}

/** @throws ProgramFailedError unless the exit code is 0 */
export function failUnlessZero(program: string, exit: Exit): void {
  if (exit.code !== 0) throw new ProgramFailedError(program, exit);
}

function childEnvironment({
  env: extra = {},
  proxyCredentials: credentials = false,
}: Pick<ProgramOptions, "env" | "proxyCredentials">): Record<string, string> {
  const kept = Object.entries(process.env).filter(([name, value]) => value !== undefined && PASSED_ON.test(name));
  // Messages are read, so they must not be translated.
  return {
    ...(Object.fromEntries(kept) as Record<string, string>),
    ...proxyEnvironment({ credentials }),
    LC_ALL: "C",
    ...inBothSpellings(extra),
  };
}

function exitOf(child: ChildProcess, program: string, onStderr: (chunk: Uint8Array) => void = () => {}): Promise<Exit> {
  let stderr = Buffer.alloc(0);
  child.stderr?.on("data", (chunk: Buffer) => {
    onStderr(chunk);
    stderr = Buffer.concat([stderr, chunk]).subarray(-STDERR_LIMIT);
  });
  return new Promise((resolve, reject) => {
    child.on("error", (error: NodeJS.ErrnoException) => {
      reject(
        error.code === "ENOENT" && error.syscall?.startsWith("spawn")
          ? new ProgramMissingError(program, { cause: error })
          : error,
      );
    });
    child.on("close", (code, signal) => resolve({ code, signal, stderr: stderr.toString("utf8") }));
  });
}

/** A program may close its input early by design (`tar` after the end mark); only the source's own failure counts. */
async function feed(child: ChildProcess, stdin: Bytes | undefined): Promise<void> {
  if (stdin === undefined || child.stdin === null) return;
  let failed: { readonly error: unknown } | undefined;
  // By hand, because what goes wrong at the program's side is thrown into a generator too, where it yields.
  async function* watched(source: Bytes): Bytes {
    const iterator = source[Symbol.asyncIterator]();
    try {
      for (;;) {
        const next = await iterator.next().catch((error: unknown) => {
          failed = { error };
          throw error;
        });
        if (next.done === true) return;
        yield next.value;
      }
    } finally {
      await iterator.return?.();
    }
  }
  try {
    await pipeline(Readable.from(watched(stdin), { objectMode: false }), child.stdin);
  } catch {
    if (failed === undefined) return;
    // The program would take the end of its input for the end of the data.
    child.stdout?.destroy(failed.error instanceof Error ? failed.error : new Error(String(failed.error)));
    throw failed.error;
  }
}

async function endGroup(child: ChildProcess, exit: Promise<Exit>): Promise<void> {
  killGroup(child, "SIGTERM");
  const timer = setTimeout(() => killGroup(child, "SIGKILL"), KILL_GRACE_MS);
  child.stdout?.destroy();
  await exit.catch(() => {});
  clearTimeout(timer);
}

function killGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  try {
    if (child.pid !== undefined) process.kill(-child.pid, signal);
  } catch {
    // The group has ended already.
  }
}

function lastLine(text: string): string {
  return text.trim().split("\n").at(-1)?.slice(0, 500) ?? "";
}
