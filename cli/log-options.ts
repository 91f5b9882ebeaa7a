import { createLog, type Log, type LogLevel } from "../lib/log.ts";
import { printable } from "../lib/printable.ts";
import type { CommandContext } from "./command.ts";

/** The log of a command: lines on stderr, above the progress where that is shown. */
export function commandLog({ options, output, now, redaction }: CommandContext, level: LogLevel): Log {
  return createLog({
    format: options.log,
    level: options.quiet ? "error" : options.verbose ? "debug" : level,
    redaction,
    now,
    // A line of JSON has its control characters escaped already.
    write: (line) => output.note(options.log === "json" ? line : line.split("\n").map(printable).join("\n")),
  });
}
