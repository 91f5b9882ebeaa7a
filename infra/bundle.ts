import { rmSync, statSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { build, type Plugin } from "esbuild";
import type { Config } from "../lib/config/schema.ts";
import { BUILD_FOLDER, type StackFunction, stackFunctions } from "./functions.ts";
import { NODE_BUNDLE } from "./node-bundle.ts";
import { configOf } from "./readers.ts";
import { serviceList } from "./service-list.ts";
import { unusedModules } from "./unused-modules.ts";

const ROOT = join(import.meta.dirname, "..");

/** What one function's package weighs. */
export interface Bundle {
  /** `finish`, `collect-git` */
  readonly name: string;
  readonly bytes: number;
}

/**
 * One file a function, with its source map. It holds the one connector that it reads by, and of the clients that notifiers and
 * secrets need those that the configuration asks for, so that nothing is carried that cannot be used.
 */
export async function bundleFunctions(config: Config): Promise<readonly Bundle[]> {
  rmSync(join(ROOT, BUILD_FOLDER), { recursive: true, force: true });
  const bundles = Map.groupBy(stackFunctions(config), ({ folder }) => folder);
  return Promise.all([...bundles.values()].map((functions) => bundleFunction(config, functions)));
}

/** Functions of one folder are of one step, and read one service if any. */
async function bundleFunction(config: Config, functions: readonly StackFunction[]): Promise<Bundle> {
  const [first] = functions;
  if (first === undefined) throw new RangeError("a bundle is for a function");
  const { spec, folder } = first;
  const jobs = spec.connectors ? functions.flatMap(({ readers }) => readers?.jobs ?? []) : config.jobs;
  const outfile = join(ROOT, BUILD_FOLDER, folder, "index.mjs");
  await build({
    ...NODE_BUNDLE,
    entryPoints: [join(ROOT, "functions", `${spec.name}.ts`)],
    outfile,
    minify: true,
    // Errors are routed by their names, which are literals on the prototypes; functions are named in stack traces.
    keepNames: true,
    sourcemap: true,
    plugins: [onlyServices(config, first), without(unusedModules(spec, configOf(config, jobs)))],
  });
  return { name: folder, bytes: statSync(outfile).size };
}

/**
 * Puts a list with the one service in the place of `lib/connectors/all.ts`. The configuration's other services are known by
 * name, since all of the file is checked.
 */
function onlyServices({ jobs }: Config, { readers }: StackFunction): Plugin {
  const services = [...new Set(jobs.map(({ service }) => service))];
  return {
    name: "only-services",
    setup({ onLoad }) {
      onLoad({ filter: /[\\/]lib[\\/]connectors[\\/]all\.ts$/ }, async ({ path }) => ({
        contents: serviceList(await readFile(path, "utf8"), services, readers?.service),
        loader: "ts",
      }));
    },
  };
}

/** Loading one of these modules throws, where it would be a mistake. */
function without(modules: readonly RegExp[]): Plugin {
  return {
    name: "without",
    setup({ onLoad }) {
      for (const filter of modules)
        onLoad({ filter }, ({ path }) => ({
          contents: `throw new Error(${JSON.stringify(`${path.slice(ROOT.length + 1)} is not in this function`)});`,
          loader: "js",
        }));
    },
  };
}
