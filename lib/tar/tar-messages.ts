import type { ReadingReport } from "./reading-report.ts";

/** Longer than any path with its message; a line that goes on is cut here. */
const MAX_LINE = 16 * 1024;
const PREFIX = /^(?:\/\S*\/)?g?tar: /;
const SUMMARY = /^Exiting with failure status due to previous errors$/;

/**
 * Reads what GNU tar (1.29 to 1.35, `LC_ALL=C`) says while it makes an archive, line by line as it comes.
 * A line that is not understood is fatal: better a unit that fails than one that only looks whole.
 */
export function createMessageReader(report: ReadingReport): { write(chunk: Uint8Array): void; end(): void } {
  let line = "";
  const take = (text: string) => {
    line = (line + text).slice(0, MAX_LINE);
  };
  const finish = () => {
    if (line !== "") understand(line, report);
    line = "";
  };
  return {
    write(chunk) {
      const lines = Buffer.from(chunk).toString("utf8").split("\n");
      lines.forEach((text, index) => {
        if (index > 0) finish();
        take(text);
      });
    },
    end: finish,
  };
}

function understand(line: string, report: ReadingReport): void {
  const message = line.replace(PREFIX, "");
  if (SUMMARY.test(message)) return;
  for (const { pattern, into } of PATTERNS) {
    const match = pattern.exec(message);
    if (match === null) continue;
    report[into].add(match[1] ?? "", into === "unreadable" || into === "remarks" ? match[2] : undefined);
    return;
  }
  report.fatal.add(message);
}

/** In this order. The first group is the name, which tar has escaped, the second the reason. */
const PATTERNS: readonly { readonly pattern: RegExp; readonly into: keyof ReadingReport }[] = [
  { pattern: /^(.+): [Ff]ile changed as we read it$/, into: "changed" },
  { pattern: /^(.+): File shrank by \d+ bytes?; padding with zeros$/, into: "changed" },
  { pattern: /^(.+): File removed before we read it$/, into: "vanished" },
  {
    pattern:
      /^(.+): (?:Warning: )?Cannot (?:stat|open|readlink|read|savedir): (?:Warning: )?No such file or directory$/,
    into: "vanished",
  },
  { pattern: /^(.+): (?:Warning: )?Cannot (?:stat|open): Not a directory$/, into: "vanished" },
  { pattern: /^(.+): socket ignored$/, into: "sockets" },
  // tar's own words for "what is stored of it lacks an attribute or a list".
  { pattern: /^(.+): (Warning: Cannot (?:\w*xattr\w*|acl_\w+|file_has_acl\w*): .+)$/, into: "remarks" },
  { pattern: /^(.+): (?:Warning: )?(Read error at byte \d+, while reading \d+ bytes?: .+)$/, into: "unreadable" },
  {
    pattern: /^(.+): (?:Warning: )?Cannot (?:stat|open|readlink|read|seek|savedir|close)(?: to \d+)?: (.+)$/,
    into: "unreadable",
  },
  { pattern: /^(.+): (Unknown file type; file ignored)$/i, into: "unreadable" },
];
