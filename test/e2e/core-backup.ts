import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { TestContext } from "node:test";

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Started {
  readonly process: ChildProcess;
  readonly ended: Promise<Ended>;
  /** What it has written by now. */
  stderr(): string;
  /** Waits until stderr holds `text`. @throws when the program ends before it */
  heard(text: string): Promise<void>;
}

export interface StartOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
}

const MAIN = resolve(import.meta.dirname, "../../cli/main.ts");

/** Runs the command line as a process, its output in pipes. */
export const coreBackup = (args: readonly string[], options: StartOptions = {}): Promise<Ended> =>
  start(args, options).ended;

export function start(args: readonly string[], { cwd, env }: StartOptions = {}): Started {
  const child = spawn(process.execPath, [MAIN, ...args], {
    cwd,
    env: { ...withoutOurs(process.env), ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let stdout = "";
  let stderr = "";
  const listeners = new Set<() => void>();
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
    for (const listener of listeners) listener();
  });
  const ended = new Promise<Ended>((done, fail) => {
    child.on("error", fail);
    child.on("close", (code) => done({ code, stdout, stderr }));
  });
  return { process: child, ended, stderr: () => stderr, heard: (text) => heard(text) };

  function heard(text: string): Promise<void> {
    const early = ended.then((end) => {
      if (!stderr.includes(text))
        throw new Error(`ended before it said ${JSON.stringify(text)}: ${JSON.stringify(end)}`);
    });
    const said = new Promise<void>((done) => {
      const look = () => {
        if (!stderr.includes(text)) return;
        listeners.delete(look);
        done();
      };
      listeners.add(look);
      look();
    });
    return Promise.race([said, early]);
  }
}

/** What tells this program how to look or what to load, so that the tests' surroundings change nothing. */
function withoutOurs(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const ours = new Set(["NO_COLOR", "FORCE_COLOR", "CORE_BACKUP_CONFIG", "NODE_OPTIONS", "NODE_TEST_CONTEXT"]);
  return Object.fromEntries(Object.entries(env).filter(([name]) => !ours.has(name) && !name.startsWith("npm_")));
}

/** A folder that is gone after the test. */
export async function temporaryFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "core-backup-e2e-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** Writes core-backup.yml into `folder` and answers its path. */
export async function configured(folder: string, yaml: string): Promise<string> {
  const file = join(folder, "core-backup.yml");
  await writeFile(file, yaml);
  return file;
}

/** Every path below `folder`, sorted; none for a folder that is not there. */
export async function paths(folder: string): Promise<string[]> {
  const found: string[] = await readdir(folder, { recursive: true }).catch(() => []);
  return found.sort((a, b) => (a < b ? -1 : 1));
}

/** stdout as the one JSON document that it has to be, no byte more. */
export function document({ stdout }: Ended): unknown {
  assert.equal(stdout.trimStart(), stdout);
  return JSON.parse(stdout);
}

/** Nothing for a terminal in either stream, and no trace of our own source. */
export function assertPlain({ stdout, stderr }: Ended): void {
  assert.ok(!`${stdout}${stderr}`.includes("\u001b"), "an escape code was written to a pipe");
  assert.doesNotMatch(`${stdout}${stderr}`, /^\s+at .+:\d+:\d+\)?$/m, "a stack trace was written");
}
