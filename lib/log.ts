import type { Redaction } from "./secrets/redaction.ts";

export type LogLevel = "debug" | "info" | "warn" | "error";
export type LogFields = { readonly [key: string]: string | number | boolean | undefined };

/** Lines about the work. `with` gives a log that puts its fields (job, run, unit) on every line. */
export interface Log {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  with(fields: LogFields): Log;
}

export interface LogOptions {
  readonly format: "text" | "json";
  readonly level: LogLevel;
  readonly redaction: Redaction;
  readonly now: () => Date;
  /** Takes one line without its newline. */
  readonly write: (line: string) => void;
}

const LEVELS: readonly LogLevel[] = ["debug", "info", "warn", "error"];

/** A log whose every line has been through redaction, fields included. */
export function createLog(options: LogOptions, bound: LogFields = {}): Log {
  const line = (level: LogLevel, message: string, fields: LogFields = {}) => {
    if (LEVELS.indexOf(level) < LEVELS.indexOf(options.level)) return;
    const all = { ...bound, ...fields };
    const text =
      options.format === "json" ? jsonLine(options.now(), level, message, all) : textLine(level, message, all);
    options.write(options.redaction.redact(text));
  };
  return {
    debug: (message, fields) => line("debug", message, fields),
    info: (message, fields) => line("info", message, fields),
    warn: (message, fields) => line("warn", message, fields),
    error: (message, fields) => line("error", message, fields),
    with: (fields) => createLog(options, { ...bound, ...fields }),
  };
}

function jsonLine(time: Date, level: LogLevel, message: string, fields: LogFields): string {
  return JSON.stringify({ time: time.toISOString(), level, message, ...fields });
}

function textLine(level: LogLevel, message: string, fields: LogFields): string {
  const about = [fields.job, fields.unit].filter((part) => part !== undefined).join(" ");
  const rest = Object.entries(fields)
    .filter(([key, value]) => value !== undefined && key !== "job" && key !== "unit" && key !== "run")
    .map(([key, value]) => ` ${key}=${typeof value === "string" && /\s/.test(value) ? JSON.stringify(value) : value}`)
    .join("");
  const prefix = level === "info" ? "" : `${level}: `;
  return `${prefix}${about === "" ? "" : `${about}: `}${message}${rest}`;
}
