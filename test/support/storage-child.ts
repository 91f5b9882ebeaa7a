import { execFileSync } from "node:child_process";
import { readdir } from "node:fs/promises";
import { measureAll } from "../../lib/bytes.ts";
import { CodedError } from "../../lib/errors.ts";
import { filesystemStorage } from "../../lib/storage/filesystem.ts";
import { nfsStorage } from "../../lib/storage/nfs.ts";
import type { Storage } from "../../lib/storage/storage.ts";
import { pattern } from "./bytes.ts";

/** One step of a program for another process, which may see other mounts than this one, or be killed. */
export type Step =
  | { readonly do: "prepare" | "files" }
  | { readonly do: "put"; readonly key: string; readonly bytes: number; readonly ifAbsent?: boolean }
  /** Stores `<n>.bin` again and again until it is killed, and says so on stdout before the first. */
  | { readonly do: "put-forever"; readonly bytes: number }
  /** Runs a shell command, as to unmount. */
  | { readonly do: "sh"; readonly command: string }
  | { readonly do: "read" | "head"; readonly key: string }
  | { readonly do: "list"; readonly prefix: string }
  | { readonly do: "copy"; readonly from: string; readonly to: string }
  | { readonly do: "remove"; readonly keys: readonly string[] };

export interface Program {
  readonly basePath: string;
  /** The nfs storage with this option; the filesystem storage without it. */
  readonly requireMount?: boolean;
  readonly steps: readonly Step[];
}

export interface StepResult {
  readonly value?: unknown;
  readonly error?: { readonly name: string; readonly code: string; readonly message: string };
}

/** Run as a program: the Program as JSON in argv, one JSON array of StepResult on stdout. */
if (process.argv[1] === import.meta.filename) {
  const program: Program = JSON.parse(process.argv[2] ?? "");
  const { basePath, requireMount } = program;
  const storage = requireMount === undefined ? filesystemStorage({ basePath }) : nfsStorage({ basePath, requireMount });
  const results: StepResult[] = [];
  for (const step of program.steps) results.push(await resultOf(storage, basePath, step));
  process.stdout.write(JSON.stringify(results));
}

async function resultOf(storage: Storage, basePath: string, step: Step): Promise<StepResult> {
  try {
    return { value: (await take(storage, basePath, step)) ?? null };
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    return { error: { name: error.name, code: error.code, message: error.message } };
  }
}

async function take(storage: Storage, basePath: string, step: Step): Promise<unknown> {
  switch (step.do) {
    case "prepare":
      return storage.prepare();
    case "files":
      return (await readdir(basePath, { recursive: true })).sort();
    case "put":
      return storage.put(step.key, pattern(step.bytes), { ifAbsent: step.ifAbsent ?? false });
    case "put-forever":
      process.stdout.write("begun\n");
      for (let n = 0; ; n += 1) await storage.put(`day/${n}.bin`, pattern(step.bytes), { ifAbsent: true });
    case "sh":
      return execFileSync("sh", ["-c", step.command], { encoding: "utf8" });
    case "read":
      return measureAll(await storage.get(step.key));
    case "head":
      return storage.head(step.key);
    case "list":
      return (await Array.fromAsync(storage.list(step.prefix))).map((object) => object.key);
    case "copy":
      return storage.copy(step.from, step.to);
    case "remove":
      return storage.remove(step.keys);
  }
}
