/** What the framework gives to a function that answers a part of serverless.yml. */
export interface Resolving {
  resolveVariable(expression: string): Promise<unknown>;
}

/** The value of `param:bucket`, `sls:stage` and the like as text; empty where there is none. */
export async function textOf({ resolveVariable }: Resolving, expression: string): Promise<string> {
  const value = await resolveVariable(expression);
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean" ? String(value) : "";
}

/** A parameter that is on or off. @throws Error for anything else: `true` must not pass for off */
export async function isOn(resolving: Resolving, name: string): Promise<boolean> {
  const value = await textOf(resolving, `param:${name}`);
  if (value === "on" || value === "off") return value === "on";
  throw new Error(`--param=${name}=${value}: must be on or off`);
}
