/** What is wrong with a URI that stands in the configuration itself; undefined when it may stand there. */
export function literalUriFault(uri: string): string | undefined {
  if (!isMongoUri(uri)) return "must begin with mongodb:// or mongodb+srv://";
  const [, credentials, query] = partsOf(uri);
  const isSecret = credentials?.includes(":") === true || SECRET_PARAMETERS.test(query ?? "");
  return isSecret
    ? "holds a password: put it into a variable, a file or a vault, and give uri_env, uri_file or the like"
    : undefined;
}

export const isMongoUri = (uri: string): boolean => /^mongodb(?:\+srv)?:\/\//.test(uri);

/** The value of a parameter of the URI, whatever the case of its name; undefined when it has none. */
export function uriParameter(uri: string, name: string): string | undefined {
  const [, , query = ""] = partsOf(uri);
  const wanted = name.toLowerCase();
  const found = query.split("&").find((pair) => pair.split("=")[0]?.toLowerCase() === wanted);
  return found === undefined ? undefined : decode(found.slice(found.indexOf("=") + 1));
}

/**
 * The URI without its database. Where the user is looked up stays the same: a database that the URI names is where
 * that is, unless something else says so.
 */
export function withoutDatabase(uri: string): string {
  const match = /^(mongodb(?:\+srv)?:\/\/)([^/?]*)(?:\/([^?]*))?(\?.*)?$/s.exec(uri);
  const [, scheme = "", hosts = "", database = "", query = ""] = match ?? [];
  if (match === null || database === "") return uri;
  const bare = `${scheme}${hosts}/${query}`;
  const mechanism = uriParameter(uri, "authMechanism") ?? "SCRAM";
  const says = uriParameter(uri, "authSource") !== undefined || scheme.includes("srv") || !hosts.includes("@");
  return says || !mechanism.startsWith("SCRAM") ? bare : withParameter(bare, "authSource", decode(database));
}

/** The URI without these parameters. */
export function withoutParameters(uri: string, names: readonly string[]): string {
  const [start, query] = splitQuery(uri);
  if (query === undefined) return uri;
  const unwanted = new Set(names.map((name) => name.toLowerCase()));
  const kept = query.split("&").filter((pair) => !unwanted.has(pair.split("=")[0]?.toLowerCase() ?? ""));
  return kept.length === 0 ? start : `${start}?${kept.join("&")}`;
}

/** The URI with a parameter more. A database must be in it, if only an empty one: `host/?…`. */
export function withParameter(uri: string, name: string, value: string): string {
  const [start, query] = splitQuery(uri);
  const path = /^[^/]*\/\/[^/]*$/.test(start) ? `${start}/` : start;
  const pairs = query === undefined || query === "" ? "" : `${query}&`;
  return `${path}?${pairs}${name}=${encodeURIComponent(value)}`;
}

/** Every secret that a URI holds, as it stands there and decoded: the user's password, that of a key, a session token. */
export function uriSecrets(uri: string): string[] {
  const [, credentials, query = ""] = partsOf(uri);
  const password = credentials?.includes(":") === true ? credentials.slice(credentials.indexOf(":") + 1) : undefined;
  const parameters = query.split("&").filter((pair) => SECRET_PARAMETERS.test(pair));
  const values = parameters.flatMap((pair) => {
    const value = pair.slice(pair.indexOf("=") + 1);
    return [value, ...(/AWS_SESSION_TOKEN(?::|%3A)([^,]+)/i.exec(value)?.slice(1) ?? [])];
  });
  return [password, ...values].flatMap((value) => (value === undefined || value === "" ? [] : [value, decode(value)]));
}

const SECRET_PARAMETERS =
  /(?:^|&)(?:tlsCertificateKeyFilePassword|sslClientCertificateKeyPassword|proxyPassword|authMechanismProperties=[^&]*AWS_SESSION_TOKEN)/i;

/** `user:password` of the last `@` before the path, as drivers read it, and the query. */
function partsOf(uri: string): [string, string | undefined, string | undefined] {
  const match = /^mongodb(?:\+srv)?:\/\/(?:([^/?#]*)@)?[^?]*(?:\?(.*))?$/s.exec(uri);
  return [uri, match?.[1], match?.[2]];
}

function splitQuery(uri: string): [string, string | undefined] {
  const at = uri.indexOf("?");
  return at === -1 ? [uri, undefined] : [uri.slice(0, at), uri.slice(at + 1)];
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
