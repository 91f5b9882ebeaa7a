import type { Document, MongoClient } from "mongodb";
import { SourceError } from "../../errors.ts";
import type { ArchivedCollection } from "./archive-format.ts";
import { abortable } from "./client.ts";
import { extendedJson } from "./extended-json.ts";
import { extendedValue } from "./extended-values.ts";
import { listCollections, listIndexes } from "./listing.ts";
import { type OrderedJson, orderedJson } from "./ordered-json.ts";
import { isAbandonedProof, proofName } from "./proof-name.ts";
import { command, rawReplies } from "./server.ts";

/** A database that was made for one proof, and in which nothing else is. */
export interface ProofDatabase {
  readonly name: string;
  create(collection: ArchivedCollection): Promise<void>;
  /** Documents that are BSON already, as they are. */
  insert(collection: string, documents: readonly Buffer[], rawData: boolean): Promise<void>;
  createIndexes(collection: ArchivedCollection): Promise<void>;
  /** Definitions, in a form in which those of two servers can be compared. */
  indexes(collection: string): Promise<readonly string[]>;
  documents(collection: string, rawData: boolean): AsyncGenerator<readonly Buffer[]>;
  collections(): Promise<readonly string[]>;
  drop(): Promise<void>;
}

const NAMESPACE_EXISTS = 48;
/** What a server adds to or takes from an index on its own, by its version. */
const NOT_COMPARED = new Set(["v", "ns", "background"]);

/** One with a name that no database has, after those were dropped that killed proofs left. */
export async function proofDatabase(client: MongoClient, now: Date, signal: AbortSignal): Promise<ProofDatabase> {
  const [{ BSON }, { DocumentSequence }] = await Promise.all([
    import("mongodb"),
    import("mongodb/lib/cmap/commands.js"),
  ]);
  await dropAbandoned(client, now, signal);
  const name = await freeName(client, now, signal);
  const run = (command: Document) => abortable(client.db(name).command(command), signal);
  const bsonOf = (json: OrderedJson) => extendedValue(json, BSON);

  return {
    name,
    async create({ collection, metadata }) {
      const { options } = metadataOf(metadata);
      const given = [...options].map(([key, value]) => [key, bsonOf(value)]);
      try {
        await run({ create: collection, ...Object.fromEntries(given) });
      } catch (error) {
        if (!(error instanceof Error && "code" in error && error.code === NAMESPACE_EXISTS)) throw error;
      }
    },
    async insert(collection, documents, rawData) {
      const sequence = new DocumentSequence("documents");
      for (const document of documents) sequence.push(document, document);
      await run({
        insert: collection,
        documents: sequence,
        ordered: true,
        bypassDocumentValidation: true,
        ...(rawData ? { rawData } : {}),
      }).then(mustBeWritten);
    },
    async createIndexes({ collection, metadata }) {
      const indexes = metadataOf(metadata).indexes.filter(
        (index) => index.get("name") !== "_id_" && index.get("clustered") !== true,
      );
      const specs = indexes.map((index) => bsonOf(new Map([...index].filter(([key]) => !NOT_COMPARED.has(key)))));
      if (specs.length > 0) await run({ createIndexes: collection, indexes: specs });
    },
    indexes: async (collection) =>
      (await listIndexes(client, name, collection, signal)).map((index) =>
        comparable(membersOf(orderedJson(extendedJson(index)))),
      ),
    documents: (collection, rawData) =>
      rawReplies(
        client,
        name,
        { find: collection, hint: { $natural: 1 }, ...(rawData ? { rawData } : {}) },
        { signal },
      ),
    collections: async () => (await listCollections(client, name, signal)).map((one) => one.name),
    async drop() {
      await client.db(name).dropDatabase();
    },
  };
}

/** The index definitions that an archive has of a collection, as `indexes` gives them. */
export const archivedIndexes = ({ metadata }: ArchivedCollection): readonly string[] =>
  metadataOf(metadata).indexes.map(comparable);

/** Who may not list or drop them proves all the same. */
async function dropAbandoned(client: MongoClient, now: Date, signal: AbortSignal): Promise<void> {
  try {
    const { databases } = await command(client, "admin", { listDatabases: 1, nameOnly: true }, signal);
    for (const { name } of databases as { name: string }[])
      if (isAbandonedProof(name, now)) await command(client, name, { dropDatabase: 1 }, signal);
  } catch (error) {
    if (!(error instanceof SourceError)) throw error;
  }
}

async function freeName(client: MongoClient, now: Date, signal: AbortSignal): Promise<string> {
  for (;;) {
    const name = proofName(now);
    if ((await listCollections(client, name, signal)).length === 0) return name;
  }
}

type Members = ReadonlyMap<string, OrderedJson>;

function metadataOf(metadata: string): { readonly options: Members; readonly indexes: readonly Members[] } {
  const members = metadata === "" ? new Map() : membersOf(orderedJson(metadata));
  const indexes = members.get("indexes");
  return { options: membersOf(members.get("options")), indexes: Array.isArray(indexes) ? indexes.map(membersOf) : [] };
}

const membersOf = (json: OrderedJson | undefined): Members => (json instanceof Map ? json : new Map());

/** The order of a definition's members means nothing; that of its key does. */
function comparable(index: Members): string {
  const compared = [...index].filter(([key]) => !NOT_COMPARED.has(key)).sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify(compared, (_, value) => (value instanceof Map ? [...value] : value));
}

/** A write that was refused is not an error of the command. */
function mustBeWritten({ writeErrors }: Document): void {
  const [first] = Array.isArray(writeErrors) ? writeErrors : [];
  if (first !== undefined) throw new Error(`a document was refused: ${first.errmsg}`);
}
