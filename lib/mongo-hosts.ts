/** The servers that a MongoDB URI names; sockets of this machine are left out. Of `mongodb+srv` it is the domain that names them. */
export function mongoHosts(uri: string): { readonly host: string; readonly port: number }[] {
  const listed = /^mongodb(?:\+srv)?:\/\/(?:[^/?#]*@)?([^/?]+)/.exec(uri)?.[1] ?? "";
  return listed.split(",").flatMap((entry) => {
    const [, host = "", port] = /^(\[[^\]]+\]|[^:]+)(?::(\d+))?$/.exec(entry) ?? [];
    if (host === "" || /%2f/i.test(host)) return [];
    return [{ host: host.replace(/^\[|\]$/g, ""), port: Number(port ?? 27017) }];
  });
}

/** Whether its domain is only asked which servers there are: none of them is known before. */
export const isMongoSrv = (uri: string): boolean => uri.startsWith("mongodb+srv://");

/** Its driver and its tools know SOCKS at most. */
export const behindProxy = (host: string): string =>
  `MongoDB cannot be reached through an HTTP proxy, only directly: list ${host} in proxy.no_proxy if that is meant`;
