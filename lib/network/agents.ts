import * as http from "node:http";
import * as https from "node:https";
import { checkEgress } from "./egress.ts";
import { forNode } from "./no-proxy.ts";
import { proxyVariablesInUse } from "./proxies.ts";
import type { ProxyVariables } from "./proxy-variables.ts";

/** How a client of AWS reaches its servers. */
export interface Agents {
  readonly httpAgent: http.Agent;
  readonly httpsAgent: https.Agent;
}

interface AgentSettings {
  /** Default: those of the process. */
  readonly proxies?: ProxyVariables;
  readonly ca?: string[];
}

const MAX_SOCKETS = 64;

/** Agents of one's own, which heed the proxies and the egress list of the process. AWS's clients make others, which do not. */
export function networkAgents({ proxies = proxyVariablesInUse(), ca }: AgentSettings = {}): Agents {
  const { HTTP_PROXY, HTTPS_PROXY, NO_PROXY = "" } = proxies;
  const proxyEnv = { HTTP_PROXY, HTTPS_PROXY, NO_PROXY: forNode(NO_PROXY) };
  const options = { keepAlive: true, maxSockets: MAX_SOCKETS, proxyEnv };
  // Without TLS every request is the proxy's own, and many close a connection after the first without saying so.
  const httpAgent = new http.Agent({ ...options, keepAlive: HTTP_PROXY === undefined });
  const httpsAgent = new https.Agent({ ...options, ...(ca === undefined ? {} : { ca }) });
  limited(httpAgent, 80);
  limited(httpsAgent, 443);
  return { httpAgent, httpsAgent };
}

/** The agent asks for a name of each request's target before anything else, while it is not the proxy's yet. */
function limited(agent: http.Agent, usualPort: number): void {
  const nameOf = agent.getName.bind(agent);
  agent.getName = (options) => {
    if (typeof options?.host === "string") checkEgress(options.host, Number(options.port ?? usualPort));
    return nameOf(options);
  };
}
