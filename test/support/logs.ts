import { createLog, type Log } from "../../lib/log.ts";
import { createRedaction } from "../../lib/secrets/redaction.ts";

/** A log whose lines a test can look at. */
export function recordingLog(): { readonly log: Log; readonly lines: string[] } {
  const lines: string[] = [];
  const redaction = createRedaction();
  const now = () => new Date();
  return {
    log: createLog({ format: "text", level: "debug", redaction, now, write: (line) => lines.push(line) }),
    lines,
  };
}

export const silentLog: Log = recordingLog().log;
