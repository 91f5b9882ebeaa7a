import { stripVTControlCharacters } from "node:util";
import { textWidth } from "./text-width.ts";

/** The last lines of a terminal, redrawn in place while other lines pass above them. */
export interface LiveRegion {
  readonly columns: number;
  readonly rows: number;
  /** Replaces what is shown. Lines must be shorter than `columns`, and fewer than `rows`. */
  draw(lines: readonly string[]): void;
  /** Writes `text`, which ends in a newline, above what is shown. */
  above(text: string): void;
  /** Takes away what is shown and gives the cursor back. Safe to call at any time. */
  clear(): void;
}

export interface Terminal {
  /** Undefined or 0 where the terminal does not tell. */
  readonly columns?: number;
  readonly rows?: number;
  write(text: string): unknown;
}

const HIDE_CURSOR = "\x1b[?25l";
const SHOW_CURSOR = "\x1b[?25h";
const ERASE_TO_LINE_END = "\x1b[K";
const ERASE_BELOW = "\x1b[J";
const DEFAULT_COLUMNS = 80;
const DEFAULT_ROWS = 24;

/** Each change is one write that overwrites before it erases: nothing is blank for a moment, so nothing flickers. */
export function liveRegion(terminal: Terminal): LiveRegion {
  let shown: readonly string[] = [];
  const columns = () => terminal.columns || DEFAULT_COLUMNS;
  const render = (lines: readonly string[]) => lines.map((line) => `${line}${ERASE_TO_LINE_END}\n`).join("");
  const shownRows = () => shown.reduce((rows, line) => rows + rowsOf(line, columns()), 0);
  const toTop = () => up(shownRows());
  // Row by row: told to erase all below from its first row, a terminal such as tmux keeps the old rows in its history.
  const erase = () => `${toTop()}${`${ERASE_TO_LINE_END}\n`.repeat(shownRows())}${toTop()}`;
  return {
    get columns() {
      return columns();
    },
    get rows() {
      return terminal.rows || DEFAULT_ROWS;
    },
    draw(lines) {
      const cursor = shown.length === 0 && lines.length > 0 ? HIDE_CURSOR : "";
      terminal.write(`${cursor}${toTop()}${render(lines)}${ERASE_BELOW}`);
      shown = lines;
    },
    above(text) {
      if (shown.length === 0) terminal.write(text);
      else terminal.write(`${erase()}${text}${render(shown)}`);
    },
    clear() {
      if (shown.length === 0) return;
      terminal.write(`${erase()}${SHOW_CURSOR}`);
      shown = [];
    },
  };
}

const up = (rows: number): string => (rows === 0 ? "" : `\x1b[${rows}A\r`);

/** A terminal that was made narrower has wrapped the lines that were drawn before. */
function rowsOf(line: string, columns: number): number {
  return Math.max(1, Math.ceil(textWidth(stripVTControlCharacters(line)) / columns));
}
