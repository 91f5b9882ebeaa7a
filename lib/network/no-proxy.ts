import { BlockList, isIP, isIPv4, isIPv6 } from "node:net";

/**
 * What `no_proxy` and `NO_PROXY` mean here, for every client alike. A name stands for itself and for all below it, with a
 * dot before it or `*.` just as without, which is how curl, git and Go read it; an address for itself; a range for the addresses
 * in it; `*` for everything. With a port an entry is for that one host at that port. Names are not looked up.
 */
export function bypasses(host: string, port: number, noProxy = ""): boolean {
  const asked = plain(host);
  return entriesOf(noProxy).some((entry) => names(entry, asked, port));
}

/** What is wrong with an entry; undefined when nothing is. */
export function noProxyFault(entry: string): string | undefined {
  if (entryOf(entry) !== undefined) return undefined;
  return "must be a host, which is for all below it as well, an address, a range of IPv4 such as 10.0.0.0/8, or *; a host or an address with :port or without";
}

/** The same list as Node's own agents read it: a bare name is for itself alone there, and ranges have a beginning and an end. */
export function forNode(noProxy: string): string {
  const written = entriesOf(noProxy).map((entry) => {
    if (entry.kind === "all") return "*";
    if (entry.kind === "range") return rangeEnds(entry);
    if (entry.port !== undefined) return `${entry.name}:${entry.port}`;
    return entry.kind === "address" ? entry.name : `.${entry.name}`;
  });
  return written.join(",");
}

/** The same list as curl reads it, and so git: `*` counts only where it stands alone. It knows no ports, and asks the proxy then. */
export function forPrograms(noProxy: string): string {
  const entries = entriesOf(noProxy);
  const some = entries.filter((entry) => entry.kind !== "all");
  if (some.length < entries.length) return "*";
  const written = some.map((entry) => {
    if (entry.kind === "range") return `${entry.address}/${entry.bits}`;
    if (entry.port === undefined) return entry.name;
    return `${isIPv6(entry.name) ? `[${entry.name}]` : entry.name}:${entry.port}`;
  });
  return written.join(",");
}

type Entry =
  | { readonly kind: "all" }
  | { readonly kind: "name" | "address"; readonly name: string; readonly port: number | undefined }
  | { readonly kind: "range"; readonly address: string; readonly bits: number };

const NAME = /^[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?)*$/;

/** What is none is passed over, as others do with a variable. */
const entriesOf = (noProxy: string): readonly Entry[] => noProxy.split(/[\s,]+/).flatMap((text) => entryOf(text) ?? []);

function entryOf(text: string): Entry | undefined {
  const entry = text.toLowerCase();
  if (entry === "*") return { kind: "all" };
  const [, address = "", bits] = /^([\d.]+)\/(\d{1,2})$/.exec(entry) ?? [];
  if (bits !== undefined)
    return isIPv4(address) && Number(bits) <= 32 ? { kind: "range", address, bits: Number(bits) } : undefined;
  if (isIPv6(entry)) return { kind: "address", name: plain(entry), port: undefined };
  const [, bracketed, host = bracketed ?? "", digits] = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d{1,5}))?$/.exec(entry) ?? [];
  const port = digits === undefined ? undefined : Number(digits);
  if (port !== undefined && (port < 1 || port > 65_535)) return undefined;
  if (bracketed === undefined ? isIPv4(host) : isIPv6(host)) return { kind: "address", name: plain(host), port };
  const name = host.replace(/^\*?\./, "");
  // What looks like an address and is none, such as 10.0.0.256, is no name either.
  return bracketed === undefined && NAME.test(name) && !/^[\d.]+$/.test(name)
    ? { kind: "name", name, port }
    : undefined;
}

function names(entry: Entry, asked: string, port: number): boolean {
  if (entry.kind === "all") return true;
  if (entry.kind === "range") {
    const list = new BlockList();
    list.addSubnet(entry.address, entry.bits);
    return isIPv4(asked) && list.check(asked);
  }
  if (entry.port !== undefined && entry.port !== port) return false;
  const isBelow = entry.kind === "name" && entry.port === undefined && asked.endsWith(`.${entry.name}`);
  return asked === entry.name || isBelow;
}

function rangeEnds({ address, bits }: { readonly address: string; readonly bits: number }): string {
  const size = 2 ** (32 - bits);
  const first = Math.floor(numberOf(address) / size) * size;
  return `${addressAt(first)}-${addressAt(first + size - 1)}`;
}

const numberOf = (address: string): number => address.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);

const addressAt = (value: number): string =>
  [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join(".");

/** Without the brackets of a URL; an IPv6 address in the one way that URLs write it. */
function plain(host: string): string {
  const bare = host.toLowerCase().replace(/^\[|\]$/g, "");
  return isIP(bare) === 6 ? (URL.parse(`http://[${bare}]/`)?.hostname.slice(1, -1) ?? bare) : bare;
}
