import path from "node:path";
import process from "node:process";
import { cruise, type ICruiseResult } from "dependency-cruiser";
import extractOptions from "dependency-cruiser/config-utl/extract-depcruise-options";
import extractTsConfig from "dependency-cruiser/config-utl/extract-ts-config";

/**
 * Checks who imports whom by .dependency-cruiser.cjs, in this folder or in the one given. A cruise that saw nothing is
 * a failure: with a TypeScript that it does not understand, dependency-cruiser finds no module and no violation.
 */

const folder = path.resolve(process.argv[2] ?? path.join(import.meta.dirname, ".."));
const rules = path.join(import.meta.dirname, "..", ".dependency-cruiser.cjs");
process.chdir(folder);

const options = await extractOptions(rules);
const tsConfig = extractTsConfig(path.join(folder, "tsconfig.json"));
const { output } = await cruise(
  ["."],
  { ...options, exclude: { path: "^(node_modules|dist|backups|bin)/" } },
  undefined,
  { tsConfig },
);
process.exitCode = report(output);

function report(result: ICruiseResult | string): number {
  if (typeof result === "string") throw new Error("dependency-cruiser answered a text");
  const { totalCruised, violations } = result.summary;
  const ours = result.modules.filter((module) => module.source.startsWith("lib/")).length;
  for (const violation of violations) {
    const way = violation.cycle?.map((step) => step.name).join(" -> ") ?? violation.to;
    console.error(`${violation.rule.name}: ${violation.from}${way === violation.from ? "" : ` -> ${way}`}`);
  }
  if (ours === 0) console.error(`the cruise saw no module of lib/ (${totalCruised} in all): it would pass everything`);
  else console.log(`${ours} modules of lib/, ${violations.length} violations`);
  return ours === 0 || violations.length > 0 ? 1 : 0;
}
