import { A_PROXY } from "../config/network-options.ts";
import type { Config } from "../config/schema.ts";
import { secretOf } from "../config/secret-fields.ts";
import { ConfigError } from "../errors.ts";
import { createSecretResolver, type SecretResolverOptions } from "../secrets/resolver.ts";
import { limitEgress } from "./egress.ts";
import { egressList } from "./egress-list.ts";
import { useProxies } from "./proxies.ts";
import {
  givenProxy,
  isProxyAddress,
  PERCENT,
  type ProxyVariables,
  proxiesOf,
  proxySecrets,
} from "./proxy-variables.ts";

type Network = Pick<Config, "proxy" | "egress" | "egressPlace" | "secrets">;

/**
 * From now on this process reaches its network as the configuration says, or the usual variables. Before anything is
 * opened: what is open keeps its proxy. A proxy whose address is in a vault is looked up there without it. Where that fails
 * all stays as it was. @throws ConfigError | TransientError when the proxy's address cannot be had, or is none
 */
export async function enterNetwork(
  { proxy, egress, egressPlace, secrets }: Network,
  options: Omit<SecretResolverOptions, "vault">,
): Promise<void> {
  const before = limitEgress(egress === undefined ? undefined : egressList(egress.allow, egressPlace));
  try {
    const proxies: ProxyVariables = proxy === undefined ? proxiesOf(options.env) : await configured();
    for (const address of [proxies.HTTP_PROXY, proxies.HTTPS_PROXY])
      if (address !== undefined) for (const secret of proxySecrets(address)) options.redaction.add(secret);
    useProxies(proxies, proxy !== undefined);
  } catch (error) {
    limitEgress(before);
    throw error;
  }

  async function configured(): Promise<ProxyVariables> {
    const reference = proxy === undefined ? undefined : secretOf(proxy, "url");
    if (proxy === undefined || reference === undefined) return {};
    const address = (await resolver().resolve(reference)).trim();
    if (!isProxyAddress(address)) throw new ConfigError(`what proxy.url refers to is not ${A_PROXY}; ${PERCENT}`);
    return givenProxy(address, proxy.no_proxy);
  }

  // Not by way of the proxy that is in use: it may want the very password that is to be read.
  function resolver() {
    return createSecretResolver({ ...options, vault: secrets?.vault, direct: true });
  }
}
