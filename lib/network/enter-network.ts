import { A_PROXY } from "../config/network-options.ts";
import type { Config } from "../config/schema.ts";
import { secretOf } from "../config/secret-fields.ts";
import { ConfigError } from "../errors.ts";
import { createSecretResolver, type SecretResolverOptions } from "../secrets/resolver.ts";
import { urlPasswords } from "../secrets/secret-forms.ts";
import { limitEgress } from "./egress.ts";
import { egressList } from "./egress-list.ts";
import { useProxies } from "./proxies.ts";
import { givenProxy, isProxyAddress, type ProxyVariables, proxiesOf } from "./proxy-variables.ts";

type Network = Pick<Config, "proxy" | "egress" | "secrets">;

/**
 * From now on this process reaches its network as the configuration says, or the usual variables. Before anything is
 * opened: what is open keeps its proxy. A proxy whose address is in a vault is looked up there without it.
 * @throws ConfigError | TransientError when the proxy's address cannot be had, or is none
 */
export async function enterNetwork(
  { proxy, egress, secrets }: Network,
  options: Omit<SecretResolverOptions, "vault">,
): Promise<void> {
  limitEgress(egress === undefined ? undefined : egressList(egress.allow));
  const variables = proxy === undefined ? proxiesOf(options.env) : undefined;
  const proxies: ProxyVariables = variables ?? (await configured());
  for (const address of [proxies.HTTP_PROXY, proxies.HTTPS_PROXY])
    if (address !== undefined && urlPasswords(address).length > 0) options.redaction.add(address);
  useProxies(proxies, proxy !== undefined);

  async function configured(): Promise<ProxyVariables> {
    const reference = proxy === undefined ? undefined : secretOf(proxy, "url");
    if (proxy === undefined || reference === undefined) return {};
    const address = (await createSecretResolver({ ...options, vault: secrets?.vault }).resolve(reference)).trim();
    if (!isProxyAddress(address)) throw new ConfigError(`what proxy.url refers to is not ${A_PROXY}`);
    return givenProxy(address, proxy.no_proxy);
  }
}
