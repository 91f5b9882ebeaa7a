import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import { NODE_BUNDLE } from "../../infra/node-bundle.ts";
import type { Reach } from "./reach.ts";

export interface KillProgram {
  readonly script: string;
  readonly env: Readonly<Record<string, string>>;
}

const made = new Map<Reach["kind"], Promise<KillProgram>>();

/**
 * kill-child.ts in one file: most of what a process does that lives for a tenth of a second is finding, reading and
 * parsing three hundred. As CommonJS, for whoever imports `node:http` as a module makes Node load all that it can export, `fetch` and
 * WebSockets too: a third of the start. Without the SDK where no S3 is to be reached. It is gone with this process.
 */
export function killProgram(reaches: Reach["kind"]): Promise<KillProgram> {
  const before = made.get(reaches);
  if (before !== undefined) return before;
  const program = bundled(reaches);
  made.set(reaches, program);
  return program;
}

async function bundled(reaches: Reach["kind"]): Promise<KillProgram> {
  const folder = mkdtempSync(join(tmpdir(), "core-backup-kill-"));
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  const script = join(folder, "kill-child.cjs");
  await build({
    ...NODE_BUNDLE,
    format: "cjs",
    banner: {},
    define: { "import.meta.dirname": "__dirname", "import.meta.filename": "__filename" },
    entryPoints: [join(import.meta.dirname, "kill-child.ts")],
    outfile: script,
    external: reaches === "S3" ? [] : ["../../lib/storage/s3/*"],
    keepNames: true,
  });
  return { script, env: { NODE_COMPILE_CACHE: join(folder, "compiled") } };
}
