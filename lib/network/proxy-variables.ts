import { ConfigError } from "../errors.ts";

/** The usual names. How `NO_PROXY` is read stands in no-proxy.ts. */
export interface ProxyVariables {
  readonly HTTP_PROXY?: string;
  readonly HTTPS_PROXY?: string;
  readonly NO_PROXY?: string;
}

type Env = Readonly<Record<string, string | undefined>>;

/** Where a task on Fargate gets its credentials. */
export const CREDENTIALS_OF_TASKS = "169.254.170.2";
/** Where AWS gives machines and tasks their credentials: never a matter for a proxy. */
const CREDENTIALS_OF_AWS = ["169.254.169.254", CREDENTIALS_OF_TASKS, "169.254.170.23", "[fd00:ec2::254]"];

/** The proxy of the configuration, for everything but `noProxy`. */
export const givenProxy = (url: string, noProxy: readonly string[]): ProxyVariables => ({
  HTTP_PROXY: url,
  HTTPS_PROXY: url,
  NO_PROXY: withCredentials(noProxy),
});

/**
 * What the usual variables say, the lower-case ones first. `ALL_PROXY` stands for the two that are not set, unless it is
 * for SOCKS, which it is on many desks. @throws ConfigError for a proxy that cannot be one
 */
export function proxiesOf(env: Env): ProxyVariables {
  const all = value(env, "ALL_PROXY");
  const general = all === undefined || /^socks/i.test(all) ? undefined : addressOf("ALL_PROXY", all);
  const proxies = {
    ...optional("HTTP_PROXY", named(env, "HTTP_PROXY") ?? general),
    ...optional("HTTPS_PROXY", named(env, "HTTPS_PROXY") ?? general),
  };
  if (Object.keys(proxies).length === 0) return {};
  return { ...proxies, NO_PROXY: withCredentials((value(env, "NO_PROXY") ?? "").split(/[\s,]+/).filter(Boolean)) };
}

/** Of messages, for whoever has a password that does not stand in a URL as it is. */
export const PERCENT = "a % in its user name or password is written %25";

/** Whoever uses it decodes the credentials, so that must be possible. */
export function isProxyAddress(text: string): boolean {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol) || url.hostname === "") return false;
  try {
    decodeURIComponent(url.username + url.password);
    return true;
  } catch {
    return false;
  }
}

/** For whoever may know where the proxy is, and no more. */
export function withoutCredentials(address: string): string {
  const url = URL.parse(address);
  if (url === null) return "";
  url.username = "";
  url.password = "";
  return url.href.replace(/\/$/, "");
}

/** What of a proxy's address nobody may see: the password or, where there is none, the user name, which is a token then. */
export function proxySecrets(address: string): readonly string[] {
  const { username, password } = new URL(address);
  const secret = password === "" ? username : password;
  return secret === "" ? [] : [address, secret, decodeURIComponent(secret)];
}

function named(env: Env, name: string): string | undefined {
  const text = value(env, name);
  return text === undefined ? undefined : addressOf(name, text);
}

/** curl and others take an address without a scheme. */
function addressOf(name: string, text: string): string {
  const address = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`;
  if (isProxyAddress(address)) return address;
  // Without the value, which may hold a password.
  throw new ConfigError(
    `the variable ${name} is no address of an HTTP proxy, such as http://proxy.example.com:3128; ${PERCENT}`,
  );
}

const value = (env: Env, name: string): string | undefined => env[name.toLowerCase()] || env[name] || undefined;

const optional = (name: "HTTP_PROXY" | "HTTPS_PROXY", text: string | undefined) =>
  text === undefined ? {} : { [name]: text };

const withCredentials = (noProxy: readonly string[]): string =>
  [...new Set([...noProxy, ...CREDENTIALS_OF_AWS])].join(",");
