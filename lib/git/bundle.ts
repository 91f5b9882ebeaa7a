import type { Bytes } from "../bytes.ts";
import { SourceError } from "../errors.ts";
import { type ByteReader, byteReader } from "./byte-reader.ts";
import { checkedPack } from "./pack-check.ts";
import { type Listing, listingOf, type ObjectFormat, objectFormatOf, type Ref } from "./refs.ts";

/**
 * A bundle is a text that lists the refs, then the pack. https://git-scm.com/docs/gitformat-bundle
 * @throws what `pack` throws, and SourceError `SOURCE_CORRUPT` at the end
 */
export async function* bundleBytes(listing: Listing, pack: Bytes, onObjects: (count: number) => void): Bytes {
  yield bundleHeader(listing);
  yield* checkedPack(pack, listing.objectFormat, onObjects);
}

/** What stands before the pack. Version 2, or 3 where the object format has to be said. */
export function bundleHeader({ refs, head, objectFormat }: Listing): Uint8Array {
  const first = objectFormat === "sha1" ? "# v2 git bundle\n" : `# v3 git bundle\n@object-format=${objectFormat}\n`;
  const all: readonly Ref[] = head.oid === undefined ? refs : [{ oid: head.oid, name: "HEAD" }, ...refs];
  return Buffer.from(`${first}${all.map((ref) => `${ref.oid} ${ref.name}\n`).join("")}\n`, "latin1");
}

export interface OpenBundle {
  /** `head.target` is not in a bundle. */
  readonly listing: Listing;
  /** The pack, from its first byte to the bundle's last. */
  readonly pack: ByteReader;
}

/** Longer than any ref name that a file system could hold. */
const MAX_LINE_BYTES = 65_536;

/**
 * Reads the header; a bundle that needs objects from elsewhere is refused.
 * @throws SourceError `SOURCE_CORRUPT` | TransientError `SOURCE_TRUNCATED`, and what the source throws
 */
export async function openBundle(source: Bytes): Promise<OpenBundle> {
  const reader = byteReader(source);
  try {
    return { listing: await readHeader(reader), pack: reader };
  } catch (error) {
    await reader.close();
    throw error instanceof RangeError ? notABundle("it has no header", error) : error;
  }
}

async function readHeader(reader: ByteReader): Promise<Listing> {
  const line = async () => Buffer.from(await reader.line(MAX_LINE_BYTES)).toString("latin1");
  const version = /^# v([23]) git bundle$/.exec(await line())?.[1];
  if (version === undefined) throw notABundle("its first line is none of git's");
  let objectFormat: ObjectFormat = "sha1";
  let headOid: string | undefined;
  const refs: Ref[] = [];
  for (let text = await line(); text !== ""; text = await line()) {
    if (text.startsWith("@")) {
      if (!text.startsWith("@object-format="))
        throw notABundle(`it needs ${JSON.stringify(text)}, which is not known here`);
      objectFormat = objectFormatOf(text.slice("@object-format=".length));
      continue;
    }
    if (text.startsWith("-")) throw notABundle("it needs commits from elsewhere");
    const space = text.indexOf(" ");
    const ref = { oid: text.slice(0, space), name: text.slice(space + 1) };
    if (ref.name === "HEAD") headOid = ref.oid;
    else refs.push(ref);
  }
  return listingOf(refs, { oid: headOid, target: undefined }, objectFormat);
}

function notABundle(why: string, cause?: unknown): SourceError {
  return new SourceError("SOURCE_CORRUPT", `this is no bundle that can be used: ${why}`, { cause });
}
