import { styleText } from "node:util";
import { type LiveRegion, liveRegion } from "./live-region.ts";

export type Style = "bold" | "dim" | "red" | "green" | "yellow";
export type Paint = (style: Style, text: string) => string;

/** Results go to stdout, everything else to stderr. */
export interface Output {
  readonly json: boolean;
  /** Columns to fit a result into; undefined when stdout is no terminal and nothing is to be cut. */
  readonly width: number | undefined;
  /** For results. */
  readonly paint: Paint;
  /** For notes. */
  readonly notePaint: Paint;
  /** Where progress can be redrawn in place; undefined where only whole lines may be written. */
  readonly live: LiveRegion | undefined;
  /** The one result of a command: text, or with `--json` its document. A second call is a fault of ours. */
  result(result: { readonly text: string; readonly json: unknown }): void;
  hasResult(): boolean;
  /** A line for whoever watches. */
  note(line: string): void;
}

/** As much of a stream as output needs: a terminal, a pipe or a file. */
export interface OutputStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
  write(text: string): unknown;
}

export interface OutputStreams {
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  readonly env: NodeJS.ProcessEnv;
}

/** `NO_COLOR` (no-color.org) and a dumb terminal turn off every escape code, so also the progress redrawn in place. */
export function createOutput({ stdout, stderr, env }: OutputStreams, options: { json: boolean }): Output {
  const live = mayEscape(env) && stderr.isTTY ? liveRegion(stderr) : undefined;
  let given = false;
  return {
    json: options.json,
    width: stdout.isTTY ? stdout.columns : undefined,
    paint: painter(coloured(stdout, env)),
    notePaint: painter(coloured(stderr, env)),
    live,
    result: ({ text, json }) => {
      if (given) throw new Error("a command gave two results");
      given = true;
      live?.clear();
      stdout.write(options.json ? `${JSON.stringify(json, null, 2)}\n` : text);
    },
    hasResult: () => given,
    note: (line) => {
      if (live === undefined) stderr.write(`${line}\n`);
      else live.above(`${line}\n`);
    },
  };
}

/** `FORCE_COLOR` is for a pipe into something that shows colours, such as a CI log. */
export function coloured(stream: OutputStream, env: NodeJS.ProcessEnv): boolean {
  if (!mayEscape(env)) return false;
  const forced = env.FORCE_COLOR;
  if (forced !== undefined) return forced !== "0" && forced !== "false";
  return stream.isTTY === true;
}

export function painter(enabled: boolean): Paint {
  return (style, text) => (enabled ? styleText(style, text, { validateStream: false }) : text);
}

const mayEscape = (env: NodeJS.ProcessEnv): boolean => (env.NO_COLOR ?? "") === "" && env.TERM !== "dumb";
