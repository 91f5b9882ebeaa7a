import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { arch, availableParallelism, cpus, platform, release, totalmem } from "node:os";
import path from "node:path";
import process from "node:process";
import { type BenchLine, lineText } from "./line.ts";

/**
 * `npm run bench [NAME…]` runs all benchmarks or the named ones, each against what it is compared with, in turn, on this
 * machine. `npm run bench -- --write` also writes bench/RESULTS.md.
 */

const benchmarks: Readonly<Record<string, () => Promise<readonly BenchLine[]>>> = {
  git: async () => (await import("./git.ts")).benchGit(),
  github: async () => (await import("./github.ts")).benchGithub(),
  files: async () => (await import("./files.ts")).benchFiles(),
  docker: async () => (await import("./docker.ts")).benchDocker(),
  s3: async () => (await import("./s3.ts")).benchS3(),
  encryption: async () => (await import("./encryption.ts")).benchEncryption(),
  mongodb: async () => (await import("./mongodb.ts")).benchMongodb(),
  memory: async () => (await import("./memory.ts")).benchMemory(),
};

const names = process.argv.slice(2).filter((argument) => argument !== "--write");
const unknown = names.filter((name) => !Object.hasOwn(benchmarks, name));
if (unknown.length > 0) {
  console.error(`no benchmark is called ${unknown.join(", ")}; there are ${Object.keys(benchmarks).join(", ")}`);
  process.exit(2);
}

const lines: BenchLine[] = [];
for (const [name, benchmark] of Object.entries(benchmarks)) {
  if (names.length > 0 && !names.includes(name)) continue;
  const ended = await benchmark();
  lines.push(...ended);
  for (const line of ended) console.log(lineText(line));
}
console.log(`\n${table(lines)}`);
if (process.argv.includes("--write")) writeFileSync(path.join(import.meta.dirname, "RESULTS.md"), results());
process.exitCode = lines.every((line) => line.ok) ? 0 : 1;

function table(rows: readonly BenchLine[]): string {
  const cells = rows.map(({ name, ours, theirs, unit, ratio, want, ok }) => {
    const figures = [ours, theirs].map((value) => `${Number(value.toPrecision(3))} ${unit}`);
    return `| ${[name, ...figures, `${ratio.toFixed(2)}x`, want, ok ? "yes" : "**no**"].join(" | ")} |`;
  });
  return [
    "| benchmark | ours | compared with | ratio | wanted | met |",
    "| --- | --- | --- | --- | --- | --- |",
    ...cells,
  ].join("\n");
}

function results(): string {
  return `# Benchmark results

Written by \`npm run bench -- --write\`. Ratios count: both sides ran on the same machine, in turn. Figures are medians.

${table(lines)}

- Date: ${new Date().toISOString().slice(0, 10)}, core-backup at ${version("git", ["describe", "--always", "--dirty"])}
- Machine: ${cpus()[0]?.model.trim() ?? "unknown"}, ${availableParallelism()} cores, ${(totalmem() / 2 ** 30).toFixed(0)} GiB, ${platform()} ${release()} ${arch()}
- Programs: Node ${process.versions.node}, ${version("git", ["--version"])}, ${version("tar", ["--version"])}, ${version("zstd", ["--version"])}
`;
}

function version(program: string, args: readonly string[]): string {
  try {
    return (
      execFileSync(program, [...args], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] })
        .split("\n")[0]
        ?.trim() ?? ""
    );
  } catch {
    return `${program} unknown`;
  }
}
