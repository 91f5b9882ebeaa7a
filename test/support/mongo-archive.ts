import { blockHeaderBytes, preludeBytes, terminator } from "../../lib/connectors/mongodb/archive-format.ts";
import { archiveParser } from "../../lib/connectors/mongodb/archive-parser.ts";

/** The documents of each namespace of an archive, by `db.collection`, in hexadecimal and in their order. */
export function documentsOf(archive: Uint8Array): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>();
  const parser = archiveParser(
    { deep: true },
    { document: ({ text }, bytes) => found.set(text, [...(found.get(text) ?? []), bytes.toString("hex")]) },
  );
  parser.push(archive);
  for (const { text } of parser.end().namespaces) if (!found.has(text)) found.set(text, []);
  return new Map([...found].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** An archive that is read in pieces of `size` and written anew from what was understood of it. */
export function rewritten(archive: Buffer, size: number): Buffer {
  const pieces: Buffer[] = [];
  let begun = false;
  const parser = archiveParser(
    { deep: true },
    {
      prelude: (head, collections) => pieces.push(preludeBytes(head, collections)),
      block(header) {
        if (begun) pieces.push(terminator);
        begun = true;
        pieces.push(blockHeaderBytes(header));
      },
      document: (_, bytes) => pieces.push(Buffer.from(bytes)),
    },
  );
  for (let at = 0; at < archive.byteLength; at += size) parser.push(archive.subarray(at, at + size));
  parser.end();
  return Buffer.concat(begun ? [...pieces, terminator] : pieces);
}
