import { EgressError, ProxyError } from "../errors.ts";
import { placeOf } from "./egress-list.ts";
import { proxyVariablesInUse } from "./proxies.ts";

/** What of this machine's own way out is behind an error that a library made: the egress list, or the proxy. Undefined for any other. */
export function networkRefusal(error: unknown): EgressError | ProxyError | undefined {
  for (let at = error; at instanceof Error; at = at.cause) {
    if (at instanceof EgressError || at instanceof ProxyError) return at;
    const status = proxyStatus(at);
    if (isRefusal(status)) return proxyRefusal(status, viaOf(at));
  }
  return undefined;
}

/** Of the proxy at `address`, or of the one that is in use; of two it names neither. */
export function proxyRefusal(status: number, address?: string): ProxyError {
  const { HTTPS_PROXY, HTTP_PROXY } = proxyVariablesInUse();
  const isOne = HTTPS_PROXY === undefined || HTTP_PROXY === undefined || HTTPS_PROXY === HTTP_PROXY;
  const proxy = address ?? (isOne ? (HTTPS_PROXY ?? HTTP_PROXY) : undefined);
  return new ProxyError(proxy === undefined ? undefined : proxyPlace(proxy), status);
}

/** Whether a proxy that answers so will answer so again. */
export const isRefusal = (status: number): boolean => status >= 400 && status < 500 && status !== 408 && status !== 429;

/** As messages name it: never with its user or password. */
export function proxyPlace(address: string): string {
  const { hostname, port, protocol } = new URL(address);
  return placeOf(hostname, port === "" ? (protocol === "https:" ? 443 : 80) : Number(port));
}

/** The words of Node's agents, of its `fetch` and of nodemailer; 407 is nobody's answer but a proxy's. Otherwise 0. */
function proxyStatus(error: Error): number {
  if ("code" in error && error.code === "ERR_PROXY_TUNNEL" && "statusCode" in error) return Number(error.statusCode);
  const told = /^(?:Proxy response \(|Invalid response from proxy: )(\d{3})/.exec(error.message)?.[1];
  if (told !== undefined) return Number(told);
  const metadata: unknown = "$metadata" in error ? error.$metadata : undefined;
  const isAsked = typeof metadata === "object" && metadata !== null && "httpStatusCode" in metadata;
  return isAsked && metadata.httpStatusCode === 407 ? 407 : 0;
}

/** Node's agents say which one it was, and it may be a storage's own. */
function viaOf({ message }: Error): string | undefined {
  const said = / via (https?:\/\/\S+?): /.exec(message)?.[1];
  return said !== undefined && URL.canParse(said) ? said : undefined;
}
