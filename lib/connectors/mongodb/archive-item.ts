import type { Bytes } from "../../bytes.ts";
import { fileName } from "../../keys.ts";
import type { Facts, Item } from "../connector.ts";
import { ARCHIVE_TYPE, type ArchivedNamespaceFacts, type ArchiveSource, factsOf } from "./archive-facts.ts";
import { type ArchiveRestore, archiveLines } from "./restore-lines.ts";

/** What one reading of a database tells beside its bytes. */
export interface ArchiveReading {
  readonly source: ArchiveSource;
  readonly collections: ArchivedNamespaceFacts[];
}

/** The archive of a database. `read` is called for each reading, and fills in what it comes to know. */
export function archiveItem(
  restore: ArchiveRestore,
  read: (onReading: (reading: ArchiveReading) => void) => Bytes,
): Item {
  let facts: Facts | undefined;

  async function* open(): Bytes {
    facts = undefined;
    let last: ArchiveReading | undefined;
    yield* read((reading) => {
      last = reading;
    });
    if (last !== undefined) facts = factsOf(last.source, last.collections);
  }

  return {
    name: fileName(restore.database, ".archive"),
    contentType: ARCHIVE_TYPE,
    compress: true,
    restore: archiveLines(restore, "{}").join(" && "),
    open,
    facts() {
      if (facts === undefined) throw new Error("an archive was asked for its facts before its last byte");
      return facts;
    },
  };
}
