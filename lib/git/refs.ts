import { createHash } from "node:crypto";
import { SourceError } from "../errors.ts";

/**
 * What a repository holds, by name. Git's ref names are bytes, of any encoding or none: inside this connector a name
 * is a string with one character a byte ("latin1"), so it comes out as it went in and sorts as git sorts.
 */
export interface Ref {
  readonly oid: string;
  readonly name: string;
}

export type ObjectFormat = "sha1" | "sha256";

export interface Head {
  /** The commit; undefined when the branch that HEAD names has none yet, and when HEAD is left out. */
  readonly oid: string | undefined;
  /** The ref that HEAD names; undefined when it is detached, or the server does not say. */
  readonly target: string | undefined;
}

export interface Listing {
  /** Sorted by name, without HEAD. */
  readonly refs: readonly Ref[];
  readonly head: Head;
  readonly objectFormat: ObjectFormat;
}

const ID_LENGTH = { sha1: 40, sha256: 64 } as const;
/** What git-check-ref-format(1) forbids and what would break the lines of a bundle's header. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: those are what is looked for
const FORBIDDEN = /[\x00-\x20\x7f~^:?*[\\]/;

/** Sorts and checks what a server listed. @throws SourceError `SOURCE_PROTOCOL` for what cannot be refs */
export function listingOf(refs: readonly Ref[], head: Head, objectFormat: ObjectFormat): Listing {
  const sorted = refs.toSorted((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  for (const [index, ref] of sorted.entries()) {
    checkId(ref.oid, objectFormat);
    if (!ref.name.startsWith("refs/")) throw strange("a ref", ref.name);
    checkName(ref.name);
    if (sorted[index - 1]?.name === ref.name) throw strange("twice the ref", ref.name);
  }
  if (head.oid !== undefined) checkId(head.oid, objectFormat);
  if (head.target !== undefined) checkName(head.target);
  return { refs: sorted, head, objectFormat };
}

export const isEmpty = (listing: Listing): boolean => listing.refs.length === 0 && listing.head.oid === undefined;

/** Every commit, tag or other object that a ref names, once. */
export function tips(listing: Listing): readonly string[] {
  const oids = listing.refs.map((ref) => ref.oid);
  return [...new Set(listing.head.oid === undefined ? oids : [listing.head.oid, ...oids])];
}

/** SHA-256 over `oid SP name LF` of each ref in order: what `git show-ref | sha256sum` prints. */
export function refsDigest(refs: readonly Ref[]): string {
  const hash = createHash("sha256");
  for (const ref of refs) hash.update(`${ref.oid} ${ref.name}\n`, "latin1");
  return hash.digest("hex");
}

/** Equal for equal content: the same tips under the same names, HEAD included, chosen by the same patterns. */
export function fingerprintOf(listing: Listing, patterns: readonly string[] | undefined): string {
  const { head, objectFormat } = listing;
  const hash = createHash("sha256");
  hash.update(`format ${objectFormat}\nHEAD ${head.oid ?? ""} ${head.target ?? ""}\n`, "latin1");
  hash.update(`${JSON.stringify(patterns ?? null)}\n`);
  hash.update(refsDigest(listing.refs));
  return hash.digest("hex");
}

/** For people and for JSON. */
export const readable = (name: string): string => Buffer.from(name, "latin1").toString("utf8");

export function objectFormatOf(name: string): ObjectFormat {
  if (name === "sha1" || name === "sha256") return name;
  throw strange("the object format", name);
}

function checkId(oid: string, format: ObjectFormat): void {
  if (oid.length !== ID_LENGTH[format] || !/^[0-9a-f]+$/.test(oid)) throw strange("the object id", oid);
}

function checkName(name: string): void {
  if (FORBIDDEN.test(name) || name.includes("..") || name.endsWith("/")) throw strange("the ref name", name);
}

function strange(what: string, value: string): SourceError {
  return new SourceError(
    "SOURCE_PROTOCOL",
    `the server lists ${what} ${JSON.stringify(readable(value).slice(0, 200))}`,
  );
}
