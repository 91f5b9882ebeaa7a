import type { ProxyError } from "../../errors.ts";
import { bypasses } from "../../network/no-proxy.ts";
import type { ProxyVariables } from "../../network/proxy-variables.ts";
import { isRefusal, proxyRefusal } from "../../network/refusal.ts";

/** The proxy that is handed the requests for an endpoint without TLS, whose answers and the proxy's own then come the same way. */
export function plainProxy(endpoint: string, { HTTP_PROXY, NO_PROXY }: ProxyVariables): string | undefined {
  const { protocol, hostname, port } = new URL(endpoint);
  if (protocol !== "http:" || bypasses(hostname, port === "" ? 80 : Number(port), NO_PROXY)) return undefined;
  return HTTP_PROXY;
}

/** What such a proxy itself refuses: by a page for a browser, where S3 answers in XML. tinyproxy says 401 of a wrong password. */
export function plainRefusal(
  proxy: string,
  status: number | undefined,
  contentType: string | undefined,
): ProxyError | undefined {
  if (status === undefined || !isRefusal(status) || status === 404) return undefined;
  return status === 407 || contentType?.startsWith("text/html") ? proxyRefusal(status, proxy) : undefined;
}
