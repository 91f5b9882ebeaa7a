import { constants, tmpdir } from "node:os";
import { CodedError, SourceError, TransientError } from "./errors.ts";
import { ProgramFailedError, ProgramMissingError } from "./process.ts";
import { scratchFault } from "./scratch.ts";

const { EAGAIN, EIO, EMFILE, ENFILE, ENOMEM, EROFS } = constants.errno;
const MACHINE = new Set([EAGAIN, EIO, EMFILE, ENFILE, ENOMEM, EROFS].map((number) => -number));

/** What a Docker Engine or a MongoDB that an artifact is restored into says of its own disk. */
const FULL_THERE = /no space left on device|disk quota exceeded|OutOfDiskSpace/i;
/** What programs say at the end of a line: tar of a write that was cut short, git also of the programs that it starts itself. */
const FULL = /^.*(No space left on device|Disk quota exceeded|Wrote only \d+ of \d+ bytes)$/im;
const SHORT =
  /(Cannot allocate memory|out of (memory|core).*|memory exhausted|Resource temporarily unavailable|Too many open files( in system)?|Input\/output error|died of signal \d+)$/im;

/**
 * What kept this machine from proving an artifact, found among the causes of what was thrown: no space for temporary files, a
 * program that was killed or could not be started. It says nothing of the artifact. Undefined for anything else.
 */
export function machineFault(error: unknown, what: string): CodedError | undefined {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    const scratch = scratchFault(cause);
    if (scratch instanceof CodedError && scratch !== cause) return scratch;
    const [line] = (cause instanceof ProgramFailedError ? FULL.exec(cause.exit.stderr) : undefined) ?? [];
    if (line !== undefined)
      return new SourceError("SCRATCH_FULL", `${what}: ${line} (temporary files are in ${tmpdir()})`, { cause: error });
    if (cause instanceof SourceError && FULL_THERE.test(cause.message)) return cause;
    if (isMachine(cause)) return new TransientError("PROOF_ABORTED", `${what}: ${cause.message}`, { cause: error });
  }
  return undefined;
}

function isMachine(error: Error): boolean {
  if (error instanceof ProgramMissingError) return true;
  if (error instanceof ProgramFailedError) return error.exit.signal !== null || SHORT.test(error.exit.stderr);
  // zlib's errors have numbers of their own under `errno`, and come from no system call.
  if (!("syscall" in error && "errno" in error)) return false;
  return String(error.syscall).startsWith("spawn") || MACHINE.has(Number(error.errno));
}
