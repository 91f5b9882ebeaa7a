import { rmSync, statSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { build, type Plugin } from "esbuild";
import type { Config } from "../lib/config/schema.ts";
import { BUILD_FOLDER, type FunctionSpec, functionTable } from "./functions.ts";
import { serviceList } from "./service-list.ts";

const ROOT = join(import.meta.dirname, "..");

/** What one function's package weighs. */
export interface Bundle {
  readonly name: FunctionSpec["name"];
  readonly bytes: number;
}

/**
 * One file a function, with its source map. Of the connectors only those that the configuration's jobs use are in it, and
 * none where a function reads no source, so that nothing is carried that cannot be used.
 */
export async function bundleFunctions(config: Config): Promise<readonly Bundle[]> {
  rmSync(join(ROOT, BUILD_FOLDER), { recursive: true, force: true });
  const services = [...new Set(config.jobs.map(({ service }) => service))];
  return Promise.all(functionTable.map((spec) => bundleFunction(spec, services)));
}

async function bundleFunction({ name, connectors }: FunctionSpec, services: readonly string[]): Promise<Bundle> {
  const outfile = join(ROOT, BUILD_FOLDER, name, "index.mjs");
  await build({
    entryPoints: [join(ROOT, "functions", `${name}.ts`)],
    outfile,
    bundle: true,
    minify: true,
    // Errors are routed by their names, which are literals on the prototypes; functions are named in stack traces.
    keepNames: true,
    sourcemap: true,
    platform: "node",
    format: "esm",
    target: "node24",
    mainFields: ["module", "main"],
    // Some dependencies are CommonJS and ask for what is Node's own.
    banner: { js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);' },
    plugins: [onlyServices(services, !connectors)],
    logLevel: "warning",
  });
  return { name, bytes: statSync(outfile).size };
}

/** Puts a list of the services named in the place of `lib/connectors/all.ts`. */
function onlyServices(services: readonly string[], opaque: boolean): Plugin {
  return {
    name: "only-services",
    setup({ onLoad }) {
      onLoad({ filter: /[\\/]lib[\\/]connectors[\\/]all\.ts$/ }, async ({ path }) => ({
        contents: serviceList(await readFile(path, "utf8"), services, { opaque }),
        loader: "ts",
      }));
    },
  };
}
