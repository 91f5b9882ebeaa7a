import { printable } from "../lib/printable.ts";
import { shorten, textWidth } from "./text-width.ts";

export interface Column {
  readonly title: string;
  readonly align?: "left" | "right";
  /** Gives way when the table is wider than the terminal. At most one column should. */
  readonly shrink?: boolean;
}

/** `paint` is given the padded text, so that colours do not count as width. */
export interface Cell {
  readonly text: string;
  readonly paint?: (text: string) => string;
}

const GAP = "  ";
const MIN_SHRUNK_WIDTH = 8;

/** Lines without trailing spaces, each with its newline. `width` in cells; undefined when nobody looks at it. */
export function table(
  columns: readonly Column[],
  rows: readonly (readonly (string | Cell)[])[],
  width?: number,
): string {
  const cells = rows.map((row) => row.map((cell) => (typeof cell === "string" ? { text: cell } : cell)).map(cleaned));
  const head = columns.map(({ title }): Cell => ({ text: title }));
  const all = [head, ...cells];
  const natural = columns.map((_, n) => Math.max(...all.map((row) => textWidth(row[n]?.text ?? ""))));
  const widths = fitted(columns, natural, width);
  return all.map((row) => `${line(columns, widths, row)}\n`).join("");
}

function cleaned(cell: Cell): Cell {
  return { ...cell, text: printable(cell.text) };
}

function fitted(columns: readonly Column[], natural: readonly number[], width: number | undefined): number[] {
  const total = natural.reduce((sum, one) => sum + one, GAP.length * (natural.length - 1));
  const excess = width === undefined ? 0 : Math.max(0, total - width);
  return natural.map((one, n) => (columns[n]?.shrink ? Math.max(Math.min(one, MIN_SHRUNK_WIDTH), one - excess) : one));
}

function line(columns: readonly Column[], widths: readonly number[], row: readonly Cell[]): string {
  const last = columns.length - 1;
  const painted = columns.map(({ align }, n) => {
    const { text, paint = (plain: string) => plain } = row[n] ?? { text: "" };
    const short = shorten(text, widths[n] ?? 0);
    const space = " ".repeat((widths[n] ?? 0) - textWidth(short));
    if (align === "right") return space + paint(short);
    return paint(short) + (n === last ? "" : space);
  });
  return painted.join(GAP).trimEnd();
}
