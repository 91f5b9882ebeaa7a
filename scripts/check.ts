import { spawn } from "node:child_process";
import path from "node:path";
import process from "node:process";
import { stripVTControlCharacters } from "node:util";

/**
 * Every check that needs no run of the program, side by side; `npm run check -- lint layers` runs the named ones.
 * What a failing one printed is shown in full, and nothing of those that pass.
 */

const ROOT = path.join(import.meta.dirname, "..");
const tool = (name: string) => path.join(ROOT, "node_modules", ".bin", name);
const node = process.execPath;

const checks: Readonly<Record<string, readonly string[]>> = {
  types: [tool("tsc"), "--pretty", "false"],
  style: [tool("biome"), "ci", "--colors=off", "."],
  lint: [tool("oxlint"), "--deny-warnings", "."],
  layers: [node, "scripts/check-layers.ts"],
  unused: [tool("knip"), "--no-progress"],
  lock: [node, "scripts/lock.ts"],
};

const named = process.argv.slice(2);
const unknown = named.filter((name) => !(name in checks));
if (unknown.length > 0) {
  console.error(`no check is called ${unknown.join(", ")}; there are ${Object.keys(checks).join(", ")}`);
  process.exit(2);
}

const chosen = Object.entries(checks).filter(([name]) => named.length === 0 || named.includes(name));
const results = await Promise.all(chosen.map(([name, command]) => run(name, command)));
for (const { name, output } of results.filter((result) => !result.ok))
  console.log(`\n--- ${name}\n${output.trimEnd()}`);
console.log();
for (const { name, ok, seconds } of results) console.log(`${ok ? "ok    " : "FAILED"} ${name.padEnd(8)} ${seconds} s`);
process.exitCode = results.every((result) => result.ok) ? 0 : 1;

interface Result {
  readonly name: string;
  readonly ok: boolean;
  readonly output: string;
  readonly seconds: string;
}

function run(name: string, [program = "", ...args]: readonly string[]): Promise<Result> {
  const began = performance.now();
  const pieces: Buffer[] = [];
  const child = spawn(program, args, { cwd: ROOT, stdio: ["ignore", "pipe", "pipe"] });
  child.stdout.on("data", (piece: Buffer) => pieces.push(piece));
  child.stderr.on("data", (piece: Buffer) => pieces.push(piece));
  return new Promise((resolve) => {
    // Under CI=true some colour what they write into a pipe.
    const end = (ok: boolean, last = "") => {
      const seconds = ((performance.now() - began) / 1000).toFixed(1);
      resolve({ name, ok, output: stripVTControlCharacters(Buffer.concat(pieces).toString("utf8")) + last, seconds });
    };
    child.on("error", (error) => end(false, `${error.message}: has "npm ci" been run?`));
    child.on("close", (code) => end(code === 0));
  });
}
