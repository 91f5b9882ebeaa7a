import { type CodedError, SourceError, TransientError } from "../../errors.ts";
import type { Exit } from "../../process.ts";

/** Judges the end of mongodump or mongorestore by exit code, signal and what it said. @throws SourceError | TransientError */
export function judgeTool(program: string, where: string): (exit: Exit) => void {
  return (exit) => {
    if (exit.code !== 0) throw toolFault(program, where, exit);
  };
}

function toolFault(program: string, where: string, exit: Exit): CodedError {
  const how = exit.signal === null ? `ended with exit code ${exit.code}` : `was ended by ${exit.signal}`;
  const said = lastWords(exit.stderr);
  const message = `${where}: ${program} ${how}${said === "" ? "" : `: ${said}`}`;
  if (/AuthenticationFailed|auth error|unable to authenticate|requires authentication/i.test(said))
    return new SourceError("SOURCE_UNAUTHORIZED", message);
  if (/\(Unauthorized\)|not authorized|not allowed to do action/i.test(said))
    return new SourceError("SOURCE_FORBIDDEN", message);
  if (PASSING.test(said)) return new TransientError("SOURCE_UNAVAILABLE", message);
  // Killed from outside, by a machine that has no memory left for one: it may do next time.
  if (exit.signal !== null) return new TransientError("SOURCE_UNAVAILABLE", message);
  return new SourceError("SOURCE_FAILED", message);
}

const PASSING =
  /server selection|no reachable servers|connection refused|connection\(.*\)|connection reset|broken pipe|i\/o timeout|socket was unexpectedly closed|CursorNotFound|QueryPlanKilled|NotWritablePrimary|NotPrimary|InterruptedAtShutdown|oplog overflow/i;

/** `2026-11-26T03:00:00.000+0000\tFailed: …`: its reason without the time, or else its last lines. */
function lastWords(stderr: string): string {
  const lines = stderr
    .trim()
    .split("\n")
    .map((line) => line.replace(/^\d{4}-\d{2}-\d{2}T\S+\s+/, "").trim());
  const failed = lines.findLastIndex((line) => /^Failed:|^error/i.test(line));
  return lines
    .slice(failed === -1 ? -3 : failed)
    .join(" ")
    .slice(0, 1000);
}
