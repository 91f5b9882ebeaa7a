import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { arch, availableParallelism, cpus, loadavg, platform, release, totalmem } from "node:os";
import process from "node:process";
import type { BenchLine } from "./line.ts";

const HEAD = `# Benchmark results

Written by \`npm run bench -- --write\`, which replaces the sections of the benchmarks that it ran. Ratios count: both sides ran on the
same machine, in turn. Figures are medians. A benchmark that has no section was not yet run on a machine that did nothing else.
`;

/** Puts what was measured into the file, each benchmark in a section of its own; those that were not run stay. */
export function writeResults(file: string, measured: ReadonlyMap<string, readonly BenchLine[]>): void {
  const sections = existsSync(file) ? sectionsOf(readFileSync(file, "utf8")) : new Map<string, string>();
  for (const [name, lines] of measured) sections.set(name, `${table(lines)}\n\n${circumstances()}`);
  const sorted = [...sections].sort(([a], [b]) => (a < b ? -1 : 1));
  writeFileSync(file, HEAD + sorted.map(([name, text]) => `\n## ${name}\n\n${text}\n`).join(""));
}

export function table(rows: readonly BenchLine[]): string {
  const cells = rows.map(({ name, ours, theirs, unit, ratio, want, ok }) => {
    const figures = [ours, theirs].map((value) =>
      value === undefined ? "-" : `${Number(value.toPrecision(3))} ${unit}`,
    );
    const judged = ok === undefined ? "not judged" : ok ? "yes" : "**no**";
    const met = ratio === undefined ? "not compared" : judged;
    const row = [name, ...figures, ratio === undefined ? "-" : `${ratio.toFixed(2)}x`, want, met];
    return `| ${row.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  });
  return [
    "| benchmark | ours | compared with | ratio | wanted | met |",
    "| --- | --- | --- | --- | --- | --- |",
    ...cells,
  ].join("\n");
}

function sectionsOf(text: string): Map<string, string> {
  const [, ...parts] = text.split(/^## /m);
  return new Map(
    parts.map((part) => {
      const [name = "", ...lines] = part.split("\n");
      return [name.trim(), lines.join("\n").trim()];
    }),
  );
}

function circumstances(): string {
  const machine = `${cpus()[0]?.model.trim() ?? "unknown"}, ${availableParallelism()} cores, ${(totalmem() / 2 ** 30).toFixed(0)} GiB`;
  const load = `load ${(loadavg()[2] ?? 0).toFixed(1)} in the last 15 minutes`;
  // The rest of a kernel's name tells whose build it is, and nothing of its speed.
  const kernel = `${platform()} ${release().split("-")[0]}`;
  const date = new Date().toISOString().slice(0, 10);
  return `${date}, core-backup at ${version("git", ["describe", "--always", "--dirty"])}, on ${machine}, ${kernel} ${arch()}, Node ${process.versions.node}, ${load}.`;
}

function version(program: string, args: readonly string[]): string {
  try {
    const output = execFileSync(program, [...args], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
    return output.split("\n")[0]?.trim() ?? "";
  } catch {
    return `${program} unknown`;
  }
}
