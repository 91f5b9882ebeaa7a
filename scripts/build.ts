import { execFileSync } from "node:child_process";
import { chmodSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import process from "node:process";

/**
 * Makes what is published: the JSON Schemas in config/, and the sources as JavaScript in dist/, since Node strips no
 * types in a package's folder. With `--schemas` only the schemas, which are committed.
 */

const ROOT = path.join(import.meta.dirname, "..");
const at = (...parts: readonly string[]) => path.join(ROOT, ...parts);

writeSchemas();
if (!process.argv.includes("--schemas")) compile();

function writeSchemas(): void {
  for (const [file, options] of [
    ["core-backup.schema.json", []],
    ["manifest.schema.json", ["--manifest"]],
  ] as const) {
    const schema = execFileSync(process.execPath, [at("cli/main.ts"), "schema", ...options], { cwd: ROOT });
    writeFileSync(at("config", file), schema);
  }
}

function compile(): void {
  rmSync(at("dist"), { recursive: true, force: true });
  execFileSync(process.execPath, [at("node_modules/typescript/bin/tsc"), "-p", at("tsconfig.build.json")], {
    cwd: ROOT,
    stdio: "inherit",
  });
  usePackageManifest(at("dist/lib/tool.js"));
  chmodSync(at("bin/core-backup.js"), 0o755);
}

/** tsc copies package.json into dist/, a second one that would be taken for the package's own; there is to be one. */
function usePackageManifest(file: string): void {
  const text = readFileSync(file, "utf8");
  const mended = text.replace('"../package.json"', '"../../package.json"');
  if (mended === text) throw new Error(`${file} does not import ../package.json as expected`);
  writeFileSync(file, mended);
  rmSync(at("dist/package.json"));
}
