import path from "node:path";
import process from "node:process";
import { type BenchLine, lineText } from "./line.ts";
import { table, writeResults } from "./results.ts";

/**
 * `npm run bench [NAME…]` runs all benchmarks or the named ones, each against what it is compared with, in turn, on this
 * machine. `npm run bench -- --write` also writes their sections of bench/RESULTS.md.
 */

const benchmarks: Readonly<Record<string, () => Promise<readonly BenchLine[]>>> = {
  git: async () => (await import("./git.ts")).benchGit(),
  github: async () => (await import("./github.ts")).benchGithub(),
  "github-git": async () => (await import("./github-git.ts")).benchGithubGit(),
  files: async () => (await import("./files.ts")).benchFiles(),
  docker: async () => (await import("./docker.ts")).benchDocker(),
  s3: async () => (await import("./s3.ts")).benchS3(),
  encryption: async () => (await import("./encryption.ts")).benchEncryption(),
  mongodb: async () => (await import("./mongodb.ts")).benchMongodb(),
  memory: async () => (await import("./memory.ts")).benchMemory(),
  "github-memory": async () => (await import("./github-memory.ts")).benchGithubMemory(),
  report: async () => (await import("./report.ts")).benchReport(),
};

const names = process.argv.slice(2).filter((argument) => argument !== "--write");
const unknown = names.filter((name) => !Object.hasOwn(benchmarks, name));
if (unknown.length > 0) {
  console.error(`no benchmark is called ${unknown.join(", ")}; there are ${Object.keys(benchmarks).join(", ")}`);
  process.exit(2);
}

const measured = new Map<string, readonly BenchLine[]>();
for (const [name, benchmark] of Object.entries(benchmarks)) {
  if (names.length > 0 && !names.includes(name)) continue;
  const ended = await benchmark();
  measured.set(name, ended);
  for (const line of ended) console.log(lineText(line));
}
const lines = [...measured.values()].flat();
console.log(`\n${table(lines)}`);
if (process.argv.includes("--write")) writeResults(path.join(import.meta.dirname, "RESULTS.md"), measured);
process.exitCode = lines.every((line) => line.ok !== false) ? 0 : 1;
