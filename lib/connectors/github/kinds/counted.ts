import { isObject, type Json } from "../pages.ts";

/** A number in an object's summary of what hangs on it; undefined where it has none. */
export function counted(parent: Json, summary: string, field: string): number | undefined {
  const of = parent[summary];
  const value = isObject(of) ? of[field] : undefined;
  return typeof value === "number" ? value : undefined;
}
