import type { Bytes } from "../../bytes.ts";
import { fileName } from "../../keys.ts";
import type { Facts, Item } from "../connector.ts";
import { ARCHIVE_TYPE, type ArchivedNamespaceFacts, type ArchiveSource, factsOf } from "./archive-facts.ts";

/** What one reading of a database tells beside its bytes. */
export interface ArchiveReading {
  readonly source: ArchiveSource;
  readonly collections: ArchivedNamespaceFacts[];
}

/** The archive of a database. `read` is called for each reading, and fills in what it comes to know. */
export function archiveItem(
  db: string,
  usersAndRoles: boolean,
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
    name: fileName(db, ".archive"),
    contentType: ARCHIVE_TYPE,
    compress: true,
    restore: restoreLine(db, usersAndRoles),
    open,
    facts() {
      if (facts === undefined) throw new Error("an archive was asked for its facts before its last byte");
      return facts;
    },
  };
}

/** mongorestore asks for the URI on its own terms: `--config` keeps the password out of the process list. */
function restoreLine(db: string, usersAndRoles: boolean): string {
  const users = usersAndRoles && db !== "admin" ? ` --restoreDbUsersAndRoles --db=${shellWord(db)}` : "";
  return `mongorestore --config=mongorestore.yml${users} --archive={}`;
}

const shellWord = (word: string): string => (/^[\w.@+=-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`);
