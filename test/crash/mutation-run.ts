import { execFile } from "node:child_process";
import { cp, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { temporaryFolder } from "../support/stores.ts";
import type { Mutation } from "./mutations.ts";
import type { Tally } from "./tally.ts";

const ROOT = join(import.meta.dirname, "../..");
/** What the probe needs to run, and what a mutation may change. */
const COPIED = [
  "lib",
  "infra/node-bundle.ts",
  ...["crash", "support", "contract", "unit", "integration"].map((name) => `test/${name}`),
  "package.json",
];
/** What it uses besides: packages, and servers to talk to. */
const LINKED = ["node_modules", "test/peers"];
const LIMIT_BYTES = 256 * 1024 * 1024;
/** A probe takes seconds: only one that its mutation lets hang is ended by this, however busy the machine is. */
const LONGEST_MS = 900_000;

/** Takes the guard out of a copy of the sources and runs the probe there. */
export async function probeMutant(mutation: Pick<Mutation, "changes" | "probe">): Promise<Tally> {
  await using folder = await temporaryFolder();
  for (const path of COPIED) await cp(join(ROOT, path), join(folder.path, path), { recursive: true });
  for (const path of LINKED) await symlink(join(ROOT, path), join(folder.path, path));
  for (const { file, text, to } of mutation.changes) await change(join(folder.path, file), file, text, to);
  const script = join(folder.path, "test/crash/probe.ts");
  const { stdout } = await promisify(execFile)(process.execPath, [script, JSON.stringify(mutation.probe)], {
    // A copy runs once: what is compiled of it is not worth keeping.
    env: { ...process.env, NODE_COMPILE_CACHE: undefined },
    maxBuffer: LIMIT_BYTES,
    timeout: LONGEST_MS,
    killSignal: "SIGKILL",
  });
  return JSON.parse(stdout);
}

async function change(path: string, file: string, text: string, to: string): Promise<void> {
  const before = await readFile(path, "utf8");
  const times = before.split(text).length - 1;
  if (times !== 1) {
    throw new Error(`${file} holds ${times} times what the mutation takes out; mutations.ts must follow: ${text}`);
  }
  await writeFile(
    path,
    before.replace(text, () => to),
  );
}
