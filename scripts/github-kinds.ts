import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import { kinds } from "../lib/connectors/github/kinds/all.ts";
import { type Content, contents } from "../lib/connectors/github/kinds/contents.ts";
import type { Kind } from "../lib/connectors/github/kinds/kind.ts";

/** Writes the tables of kinds in docs/github.md from those that the code has. A test compares the two. */

const FILE = path.join(import.meta.dirname, "../docs/github.md");
const MARKS = /(<!-- kinds: begin -->\n).*(<!-- kinds: end -->)/s;

/** What is no file of JSON Lines alone. */
const RESTORED: Readonly<Record<string, string>> = {
  git: "bare repository, to be pushed",
  wiki: "bare repository, to be pushed",
  gist_git: "bare repository, to be pushed",
  lfs: "objects where git wants them, `lfs.jsonl`",
  assets: "files",
  attachments: "files, `attachments.jsonl`",
  gists_starred: "as gists",
};

if (process.argv[1] === import.meta.filename) writeFileSync(FILE, withKinds(readFileSync(FILE, "utf8")));

/** The page with its tables made anew. */
export function withKinds(page: string): string {
  return page.replace(MARKS, (_, begin: string, end: string) => `${begin}\n${tables()}\n${end}`);
}

function tables(): string {
  const rows = [...contents, ...kinds];
  return [...new Set(rows.map(({ subject }) => subject))]
    .map((subject) => `**Of each ${subject}**\n\n${table(rows.filter((row) => row.subject === subject))}`)
    .join("\n");
}

function table(rows: readonly (Content | Kind)[]): string {
  const cells = [
    ["kind", "what", "asked for at", "right (App, fine-grained)", "scope (classic)", "default", "restored as"],
    ...rows.map(cellsOf),
  ];
  const widths = (cells[0] ?? []).map((_, column) => Math.max(...cells.map((row) => (row[column] ?? "").length)));
  const line = (row: readonly string[]) =>
    `| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(" | ")} |\n`;
  const rule = line(widths.map((width) => "-".repeat(width)));
  return cells.map(line).toSpliced(1, 0, rule).join("");
}

function cellsOf(row: Content | Kind): readonly string[] {
  const { name, what, permission, scope, byDefault } = row;
  return [
    `\`${name}\``,
    what,
    "reading" in row ? `\`${pathOf(row)}\`` : "git, LFS or a download",
    permission.replace(":", ": "),
    scope === "" ? "none" : `\`${scope}\``,
    byDefault ? "yes" : "",
    RESTORED[name] ?? `\`${name}.jsonl\``,
  ];
}

/** Without the parameters that only say how many. */
function pathOf({ reading }: Kind): string {
  const full = reading.how === "each" || reading.how === "changed" ? reading.child.path : reading.path;
  return full.replace(/\?.*$/, "");
}
