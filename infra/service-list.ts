/**
 * `lib/connectors/all.ts` with these services: `real`, as it stands there, and all others as entries that accept any options
 * and can do nothing, for functions that read no such source.
 * @throws Error for a service that the list does not have, or a list of another form
 */
export function serviceList(source: string, services: readonly string[], real: string | undefined): string {
  const entries = entriesOf(source);
  for (const service of services)
    if (!entries.has(service)) throw new Error(`lib/connectors/all.ts has no service ${service}`);
  const name = real === undefined ? undefined : entries.get(real);
  const opaque = services.filter((service) => service !== real);
  return `${name === undefined ? "" : importOf(source, name)}
import * as z from "zod";
const refuse = () => Promise.reject(new Error("this function has no connector of that service"));
const opaque = { options: z.unknown(), targets: {}, create: refuse, restore: refuse };
export const connectors = {
${opaque.map((service) => `  ${JSON.stringify(service)}: opaque,\n`).join("")}${name === undefined ? "" : `  ${JSON.stringify(real)}: ${name},\n`}};
`;
}

function entriesOf(source: string): ReadonlyMap<string, string> {
  const body = /export const connectors[^=]*=\s*\{([^{}]*)\}/.exec(source)?.[1];
  if (body === undefined) throw new Error("lib/connectors/all.ts has another form than infra/service-list.ts reads");
  const matches = body.matchAll(/(\w+)(?:\s*:\s*(\w+))?\s*(?:,|$)/g);
  return new Map([...matches].map(([, service = "", name = service]) => [service, name]));
}

function importOf(source: string, name: string): string {
  const line = source.split("\n").find((one) => new RegExp(`^import \\{ ${name} \\} from `).test(one));
  if (line === undefined) throw new Error(`lib/connectors/all.ts does not import ${name} on a line of its own`);
  return line;
}
