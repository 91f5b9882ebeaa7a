import type { BuildOptions } from "esbuild";

/** How a program becomes one file that Node 24 runs. */
export const NODE_BUNDLE = {
  bundle: true,
  platform: "node",
  format: "esm",
  target: "node24",
  mainFields: ["module", "main"],
  // Some dependencies are CommonJS and ask for what is Node's own.
  banner: { js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);' },
  logLevel: "warning",
} satisfies BuildOptions;
