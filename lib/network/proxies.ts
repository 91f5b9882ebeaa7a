import * as http from "node:http";
import { checkEgressTo } from "./egress.ts";
import { bypasses, forNode, forPrograms } from "./no-proxy.ts";
import { type ProxyVariables, withoutCredentials } from "./proxy-variables.ts";

type Dispatcher = NonNullable<RequestInit["dispatcher"]>;

/** The proxies of this process: one set for all of it, as there is one network. */
let variables: ProxyVariables = {};
let isGiven = false;
/** For `fetch`, whose own reading of NO_PROXY is another than that of Node's agents. */
let ways: { readonly proxied: Dispatcher; readonly direct: Dispatcher } | undefined;
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
  ways = undefined;
  const { HTTP_PROXY, HTTPS_PROXY, NO_PROXY = "" } = next;
  if (HTTP_PROXY === undefined && HTTPS_PROXY === undefined) return;
  const leave = http.setGlobalProxyFromEnv({ HTTP_PROXY, HTTPS_PROXY });
  const proxied = dispatcherInUse();
  leave();
  ways = { proxied, direct: dispatcherInUse() };
  restore = http.setGlobalProxyFromEnv({ HTTP_PROXY, HTTPS_PROXY, NO_PROXY: forNode(NO_PROXY) });
}

/** The way of a `fetch`; undefined where there is no proxy at all. */
export function dispatcherTo(url: string): Dispatcher | undefined {
  const { hostname, port, protocol } = new URL(url);
  const asked = port === "" ? (protocol === "https:" ? 443 : 80) : Number(port);
  return bypasses(hostname, asked, variables.NO_PROXY) ? ways?.direct : ways?.proxied;
}

/** Whether the configuration would have a proxy between here and a host. */
export const isForGivenProxy = (host: string, port: number): boolean =>
  isGiven && !bypasses(host, port, variables.NO_PROXY);

/** For agents that Node does not know of; nothing where there is no proxy. */
export const proxyVariablesInUse = (): ProxyVariables => variables;

/** For programs, which read the one spelling or the other. The credentials are for those alone that ask hosts for us. */
export function proxyEnvironment({ credentials }: { readonly credentials: boolean }): Readonly<Record<string, string>> {
  const { HTTP_PROXY, HTTPS_PROXY, NO_PROXY } = variables;
  const shown = (address: string) => (credentials ? address : withoutCredentials(address));
  const all = {
    ...(HTTP_PROXY === undefined ? {} : { HTTP_PROXY: shown(HTTP_PROXY) }),
    ...(HTTPS_PROXY === undefined ? {} : { HTTPS_PROXY: shown(HTTPS_PROXY) }),
    ...(NO_PROXY === undefined ? {} : { NO_PROXY: forPrograms(NO_PROXY) }),
  };
  return Object.fromEntries(
    Object.entries(all).flatMap(([name, value]) => [
      [name, value],
      [name.toLowerCase(), value],
    ]),
  );
}

/** What is given for one spelling of a proxy's variable is meant for the other too: curl reads `https_proxy` before `HTTPS_PROXY`. */
export function inBothSpellings(env: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const given = Object.entries(env).filter(([name]) => /^(https?|all|no)_proxy$/i.test(name));
  return {
    ...Object.fromEntries(
      given.flatMap(([name, value]) => [name.toLowerCase(), name.toUpperCase()].map((one) => [one, value])),
    ),
    ...env,
  };
}

/** The proxy for a connection that is no HTTP itself, by way of CONNECT; undefined where none is to be used. @throws EgressError */
export function tunnelFor(host: string, port: number, isTls: boolean): string | undefined {
  const proxy = isTls ? variables.HTTPS_PROXY : variables.HTTP_PROXY;
  if (proxy === undefined || bypasses(host, port, variables.NO_PROXY)) return undefined;
  checkEgressTo(proxy);
  return proxy;
}

/** https://github.com/nodejs/undici/blob/main/lib/global.js: where Node's `fetch` and every undici look. */
const dispatcherInUse = (): Dispatcher => Reflect.get(globalThis, Symbol.for("undici.globalDispatcher.1"));
