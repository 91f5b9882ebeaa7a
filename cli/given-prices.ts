import { readFile } from "node:fs/promises";
import { parse } from "yaml";
import { type Prices, prices, pricesSchema } from "../lib/cost/prices.ts";
import { UsageError } from "./usage-error.ts";

/** The repository's table, with what the file gives in its place. @throws UsageError */
export async function givenPrices(file: string | undefined): Promise<Prices> {
  if (file === undefined) return prices;
  let given: unknown;
  try {
    given = parse(await readFile(file, "utf8"));
  } catch (error) {
    throw new UsageError(`--prices ${file}: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
  const parsed = pricesSchema.safeParse(given ?? {});
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.map(({ path, message }) => [...path.map(String), message].join(": "));
  throw new UsageError(`--prices ${file}: ${faults.join("; ")}`);
}
