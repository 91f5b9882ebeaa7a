import { BSON, type Document, MongoClient } from "mongodb";
import { type ArchivedCollection, isOplog, isSpecial } from "../../lib/connectors/mongodb/archive-format.ts";
import { archiveParser } from "../../lib/connectors/mongodb/archive-parser.ts";

/** What mongorestore does with an archive: collections, documents, then indexes. Answers its last words. */
export async function restoreArchive(uri: string, archive: Uint8Array): Promise<string> {
  const found = new Map<ArchivedCollection, Document[]>();
  const parser = archiveParser(
    { deep: true },
    {
      prelude: (_, collections) => {
        for (const one of collections) if (!isSpecial(one) && !isOplog(one)) found.set(one, []);
      },
      document: ({ collection }, bytes) =>
        found.get(collection)?.push(BSON.deserialize(Buffer.from(bytes), { promoteValues: false })),
    },
  );
  parser.push(archive);
  parser.end();
  const client = await MongoClient.connect(uri);
  try {
    let restored = 0;
    for (const [{ db, collection, metadata }, documents] of found) {
      await client.db(db).createCollection(collection);
      if (documents.length > 0) await client.db(db).collection(collection).insertMany(documents);
      const { indexes }: { indexes: Document[] } = BSON.EJSON.parse(metadata, { relaxed: false });
      const more = indexes.filter(({ name }) => name !== "_id_").map(({ v: _, ...index }) => index);
      if (more.length > 0) await client.db(db).command({ createIndexes: collection, indexes: more });
      restored += documents.length;
    }
    return `${restored} document(s) restored successfully. 0 document(s) failed to restore.`;
  } finally {
    await client.close();
  }
}
