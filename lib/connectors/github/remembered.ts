import type { UnitBefore } from "../connector.ts";
import type { Json } from "./pages.ts";

/** What a manifest says of a repository, as far as it does: by it is judged what became of one that is not listed any more. */
export interface Remembered {
  /** `owner/name`, which its unit may not be called by. */
  readonly name?: string;
  readonly visibility?: string;
  readonly archived?: boolean;
  readonly fork?: boolean;
}

/** For `collected.json`'s facts, which can be read where its bytes cannot. */
export function rememberedOf(subject: Json | undefined): Remembered {
  const { full_name: name, visibility, archived, fork } = subject ?? {};
  return {
    ...(typeof name === "string" ? { name } : {}),
    ...(typeof visibility === "string" ? { visibility } : {}),
    ...(typeof archived === "boolean" ? { archived } : {}),
    ...(typeof fork === "boolean" ? { fork } : {}),
  };
}

/** Of one thing's units, the first that knows. */
export function recall(units: readonly UnitBefore[]): Remembered {
  const facts = units.map((unit) => unit.facts("collected.json")).find((one) => typeof one?.visibility === "string");
  return rememberedOf(facts === undefined ? undefined : { ...facts, full_name: facts.name });
}
