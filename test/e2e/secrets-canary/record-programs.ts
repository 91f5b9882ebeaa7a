import childProcess from "node:child_process";
import { appendFileSync, cpSync, readdirSync } from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { join } from "node:path";

/**
 * Imported into the command line before anything of it (`--import`): writes down every program that it starts, whatever its name and
 * wherever it lies, with its arguments and all of its environment, and keeps a copy of what then lies in TMPDIR.
 */
const { CANARY_SEEN = "", CANARY_COPIES = "", TMPDIR = "" } = process.env;
const { spawn } = childProcess;
let started = 0;

function recordedSpawn(...given: Parameters<typeof spawn>): ReturnType<typeof spawn> {
  const [program, args, { env = process.env }] = given;
  const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  appendFileSync(CANARY_SEEN, `${["started:", program, ...args].join(" ")}\n${variables.join("\n")}\n`);
  if (readdirSync(TMPDIR).length > 0) copyOfTemporary();
  return spawn(...given);
}

function copyOfTemporary(): void {
  started += 1;
  try {
    cpSync(TMPDIR, join(CANARY_COPIES, `${process.pid}-${started}`), { recursive: true });
  } catch {
    // What goes away while it is copied, or is a socket, is not what is looked for.
  }
}

Object.assign(childProcess, { spawn: recordedSpawn });
syncBuiltinESMExports();
