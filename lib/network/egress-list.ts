import { BlockList, isIP } from "node:net";

/** Which hosts a process may reach. */
export interface EgressList {
  /** `host` is a name or an address as it is asked for: names are not looked up to compare them with ranges. */
  allows(host: string, port: number): boolean;
  /** What it is called, and where it stands to be mended. */
  readonly name: string;
}

type Rule = (host: string, port: number) => boolean;

const FORMS =
  "must be a host, a pattern such as *.example.com, an address, or a range such as 10.0.0.0/8, each with :port or without";
const NAME = /^(?:[a-z0-9_*](?:[a-z0-9_*-]*[a-z0-9_*])?)(?:\.[a-z0-9_*](?:[a-z0-9_*-]*[a-z0-9_*])?)*$/;

/** The entries of `egress.allow`; each is right by `egressEntryFault`. `place`: the file and the line where they stand. */
export function egressList(entries: readonly string[], place?: string): EgressList {
  const rules = entries.flatMap((entry) => ruleOf(entry) ?? []);
  const name = place === undefined ? "egress.allow" : `egress.allow at ${place}`;
  return { name, allows: (host, port) => rules.some((rule) => rule(plainHost(host), port)) };
}

/** What is wrong with an entry; undefined when nothing is. */
export function egressEntryFault(entry: string): string | undefined {
  if (entry.includes("://")) return `${FORMS}; not a URL`;
  // As a pattern 10.* would list 10.example.com as well.
  if (/^[\d.*]*\d[\d.*]*(?::\d+)?$/.test(entry) && entry.includes("*"))
    return `${FORMS}; addresses have no patterns, only ranges`;
  return ruleOf(entry) === undefined ? FORMS : undefined;
}

function ruleOf(entry: string): Rule | undefined {
  const [target, port] = withoutPort(entry.toLowerCase());
  if (port !== undefined && (port < 1 || port > 65_535)) return undefined;
  const matches = targetRule(target);
  return matches && ((host, asked) => (port === undefined || port === asked) && matches(host));
}

function targetRule(target: string): ((host: string) => boolean) | undefined {
  const range = /^([0-9a-f.:]+)\/(\d{1,3})$/.exec(target);
  if (range !== null) return rangeRule(range[1] ?? "", Number(range[2]));
  if (isIP(target) !== 0) return rangeRule(target, isIP(target) === 4 ? 32 : 128);
  // What looks like an address and is none, such as 10.0.0.256, is no host either.
  if (!NAME.test(target) || /^[\d.]+$/.test(target)) return undefined;
  const pattern = new RegExp(`^${target.replaceAll(".", "\\.").replaceAll("*", ".*")}$`);
  return (host) => pattern.test(host);
}

function rangeRule(address: string, bits: number): ((host: string) => boolean) | undefined {
  const family = isIP(address);
  if (family === 0 || bits > (family === 4 ? 32 : 128)) return undefined;
  const list = new BlockList();
  list.addSubnet(address, bits, family === 4 ? "ipv4" : "ipv6");
  return (host) => isIP(host) !== 0 && list.check(host, isIP(host) === 4 ? "ipv4" : "ipv6");
}

/** `host:443`, `[::1]:443`, `[::1]`; a bare IPv6 address has no port. */
function withoutPort(entry: string): [string, number | undefined] {
  const bracketed = /^\[([^\]]+)\](?::(\d{1,5}))?$/.exec(entry);
  const plain = /^([^:]+):(\d{1,5})$/.exec(entry);
  const [, target = entry, port] = bracketed ?? plain ?? [];
  return [target, port === undefined ? undefined : Number(port)];
}

/** As messages name it. */
export const placeOf = (host: string, port: number): string =>
  isIP(plainHost(host)) === 6 ? `[${plainHost(host)}]:${port}` : `${host}:${port}`;

/** Without the brackets of a URL, the dot at the end and capitals. */
const plainHost = (host: string): string =>
  host
    .toLowerCase()
    .replace(/^\[|\]$/g, "")
    .replace(/\.$/, "");
