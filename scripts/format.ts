import { spawnSync } from "node:child_process";
import path from "node:path";
import process from "node:process";

/** Formats everything, or the files given, and mends of the lint what can be mended safely. */

const ROOT = path.join(import.meta.dirname, "..");
const files = process.argv.slice(2);
const biome = path.join(ROOT, "node_modules", ".bin", "biome");
const { status, error } = spawnSync(biome, ["check", "--write", ...(files.length === 0 ? ["."] : files)], {
  cwd: ROOT,
  stdio: "inherit",
});
if (error !== undefined) throw error;
process.exitCode = status ?? 1;
