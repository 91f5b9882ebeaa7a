import * as http from "node:http";
import { checkEgressTo } from "./egress.ts";
import { bypasses, type ProxyVariables } from "./proxy-variables.ts";

/** The proxies of this process: one set for all of it, as there is one network. */
let variables: ProxyVariables = {};
let isGiven = false;
let restore = (): void => {};

/**
 * From now on Node's own clients go through these; what was begun goes on as it was. `given` by the configuration, and
 * not by variables that were there anyway.
 */
export function useProxies(next: ProxyVariables, given: boolean): void {
  isGiven = given;
  if (JSON.stringify(next) === JSON.stringify(variables)) return;
  restore();
  restore = () => {};
  variables = next;
  if (next.HTTP_PROXY !== undefined || next.HTTPS_PROXY !== undefined)
    restore = http.setGlobalProxyFromEnv({ ...next });
}

/** Whether the configuration would have a proxy between here and a host. */
export const isForGivenProxy = (host: string, port: number): boolean =>
  isGiven && !bypasses(host, port, variables.NO_PROXY);

/** For agents that Node does not know of; nothing where there is no proxy. */
export const proxyVariablesInUse = (): ProxyVariables => variables;

/** For programs, which read the one spelling or the other. */
export function proxyEnvironment(): Readonly<Record<string, string>> {
  const both = Object.entries(variables).flatMap(([name, value]) => [
    [name, value],
    [name.toLowerCase(), value],
  ]);
  return Object.fromEntries(both);
}

/** The proxy for a connection that is no HTTP itself, by way of CONNECT; undefined where none is to be used. @throws EgressError */
export function tunnelFor(host: string, port: number, isTls: boolean): string | undefined {
  const proxy = (isTls ? variables.HTTPS_PROXY : variables.HTTP_PROXY) ?? undefined;
  if (proxy === undefined || bypasses(host, port, variables.NO_PROXY)) return undefined;
  checkEgressTo(proxy);
  return proxy;
}
