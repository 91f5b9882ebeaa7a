import { LocationFault, parseLocation } from "../git/location.ts";
import { isMongoSrv, mongoHosts } from "../mongo-hosts.ts";
import { egressList, placeOf } from "../network/egress-list.ts";
import type { Issue } from "./issues.ts";
import { isRecord } from "./messages.ts";
import type { Path } from "./place.ts";

/** A host that stands in the configuration, or that follows from what stands there. */
interface NamedHost {
  readonly path: Path;
  /** An IPv6 address may have its brackets: the list and `placeOf` take it either way. */
  readonly host: string;
  readonly port: number;
}

const SMTP_PORTS: Readonly<Record<string, number>> = { starttls: 587, implicit: 465, none: 25 };

/** Hosts that the configuration itself names and `egress.allow` does not list. What only a secret names is found when it is asked. */
export function forbiddenHosts(value: Readonly<Record<string, unknown>>, allow: readonly string[]): readonly Issue[] {
  const list = egressList(allow);
  return [...namedHosts(value)]
    .filter(({ host, port }) => !list.allows(host, port))
    .map(({ path, host, port }) => ({
      path,
      isKey: false,
      message: `needs ${placeOf(host, port)}, which egress.allow does not list`,
    }));
}

function* namedHosts(value: Readonly<Record<string, unknown>>): Generator<NamedHost> {
  yield* ofUrl(at(value, "proxy", "url"), ["proxy", "url"]);
  yield* ofUrl(at(value, "secrets", "vault", "address"), ["secrets", "vault", "address"]);
  yield* ofUrl(at(value, "metrics", "pushgateway", "url"), ["metrics", "pushgateway", "url"]);
  const statsd = at(value, "metrics", "statsd");
  if (isRecord(statsd)) {
    const host = text(statsd.host) ?? "127.0.0.1";
    yield { path: ["metrics", "statsd"], host, port: Number(statsd.port ?? 8125) };
  }
  for (const [name, storage] of entries(value.storage)) yield* ofStorage(storage, ["storage", name]);
  for (const [name, notifier] of entries(value.notifications)) {
    yield* ofNotifier(text(notifier.type) ?? name, notifier, ["notifications", name]);
  }
  for (const [index, job] of (Array.isArray(value.jobs) ? value.jobs : []).entries()) {
    if (isRecord(job)) yield* ofJob(job, ["jobs", index]);
  }
}

function* ofStorage(storage: Readonly<Record<string, unknown>>, path: Path): Generator<NamedHost> {
  if (storage.type !== "s3") return;
  yield* ofUrl(storage.endpoint, [...path, "endpoint"]);
  yield* ofUrl(storage.proxy, [...path, "proxy"]);
  const { bucket, region, endpoint } = storage;
  if (endpoint !== undefined || typeof bucket !== "string" || typeof region !== "string") return;
  // A certificate of AWS is for one label before it, so a bucket with dots is asked for by path.
  const host = storage.path_style === true || bucket.includes(".") ? "s3" : `${bucket}.s3`;
  yield { path: [...path, "bucket"], host: `${host}.${region}.${domainOf(region)}`, port: 443 };
}

const domainOf = (region: string): string => (region.startsWith("cn-") ? "amazonaws.com.cn" : "amazonaws.com");

function* ofNotifier(type: string, options: Readonly<Record<string, unknown>>, path: Path): Generator<NamedHost> {
  if (type === "email" && typeof options.host === "string") {
    const port = Number(options.port ?? SMTP_PORTS[text(options.tls) ?? "starttls"]);
    yield { path: [...path, "host"], host: options.host, port };
  }
  if (type === "pagerduty") {
    const isOwn = options.url !== undefined;
    yield* ofUrl(isOwn ? options.url : "https://events.pagerduty.com", isOwn ? [...path, "url"] : path);
  }
  if (type !== "sns") return;
  yield* ofUrl(options.endpoint, [...path, "endpoint"]);
  const region = text(options.topic_arn)?.split(":")[3];
  if (options.endpoint === undefined && region !== undefined)
    yield { path: [...path, "topic_arn"], host: `sns.${region}.${domainOf(region)}`, port: 443 };
}

function* ofJob({ service, options }: Readonly<Record<string, unknown>>, path: Path): Generator<NamedHost> {
  const given = isRecord(options) ? options : {};
  const below = [...path, "options"];
  if (service === "github") {
    const isOwn = given.api_url !== undefined;
    yield* ofUrl(
      isOwn ? given.api_url : "https://api.github.com",
      isOwn ? [...below, "api_url"] : [...path, "service"],
    );
    if (!isOwn) yield { path: [...path, "service"], host: "github.com", port: 443 };
    yield* ofUrl(given.web_url, [...below, "web_url"]);
  }
  if (service === "docker_volume") yield* ofUrl(given.host, [...below, "host"]);
  if (service === "mongodb") yield* ofMongo(given.uri, [...below, "uri"]);
  if (service !== "git" || !Array.isArray(given.repositories)) return;
  for (const [index, entry] of given.repositories.entries()) {
    const place = [...below, "repositories", index];
    if (typeof entry === "string") yield* ofRepository(entry, place);
    else if (isRecord(entry) && typeof entry.url === "string") yield* ofRepository(entry.url, [...place, "url"]);
  }
}

function* ofRepository(place: string, path: Path): Generator<NamedHost> {
  try {
    const location = parseLocation(place);
    if (location.kind === "http") yield* ofUrl(location.url, path);
    if (location.kind === "ssh")
      yield { path, host: location.host.slice(location.host.indexOf("@") + 1), port: location.port ?? 22 };
  } catch (error) {
    // Told of where it is checked.
    if (!(error instanceof LocationFault)) throw error;
  }
}

function* ofMongo(uri: unknown, path: Path): Generator<NamedHost> {
  const given = text(uri) ?? "";
  if (!isMongoSrv(given)) for (const place of mongoHosts(given)) yield { path, ...place };
}

const USUAL_PORTS: Readonly<Record<string, number>> = { "http:": 80, "https:": 443, "ssh:": 22 };

function* ofUrl(url: unknown, path: Path): Generator<NamedHost> {
  const parsed = typeof url === "string" ? URL.parse(url) : null;
  if (parsed === null || parsed.hostname === "") return;
  const { hostname, port, protocol } = parsed;
  yield { path, host: hostname, port: port === "" ? (USUAL_PORTS[protocol] ?? 0) : Number(port) };
}

const text = (value: unknown): string | undefined => (typeof value === "string" ? value : undefined);

const at = (value: unknown, ...keys: readonly string[]): unknown =>
  keys.reduce<unknown>((inside, key) => (isRecord(inside) ? inside[key] : undefined), value);

function* entries(value: unknown): Generator<[string, Readonly<Record<string, unknown>>]> {
  for (const [name, one] of isRecord(value) ? Object.entries(value) : []) if (isRecord(one)) yield [name, one];
}
