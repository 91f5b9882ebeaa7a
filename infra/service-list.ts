/**
 * `lib/connectors/all.ts` with no other services than these: their imports and their entries, as they stand there. With
 * `opaque` the entries accept any options and can do nothing: for functions that read no source.
 * @throws Error for a service that the list does not have, or a list of another form
 */
export function serviceList(source: string, services: readonly string[], { opaque }: { opaque: boolean }): string {
  const entries = entriesOf(source);
  const chosen = services.map((service) => {
    const name = entries.get(service);
    if (name === undefined) throw new Error(`lib/connectors/all.ts has no service ${service}`);
    return { service, name };
  });
  if (opaque) return opaqueList(services);
  const imports = chosen.map(({ name }) => importOf(source, name));
  const list = chosen.map(({ service, name }) => `${JSON.stringify(service)}: ${name}`).join(", ");
  return `${imports.join("\n")}\nexport const connectors = { ${list} };\n`;
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

function opaqueList(services: readonly string[]): string {
  return `import * as z from "zod";
const refuse = () => Promise.reject(new Error("this function has no connectors"));
const opaque = { options: z.unknown(), targets: {}, create: refuse, restore: refuse };
export const connectors = Object.fromEntries(${JSON.stringify(services)}.map((service) => [service, opaque]));
`;
}
