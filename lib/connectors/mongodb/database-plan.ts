import type { Document, MongoClient } from "mongodb";
import { SourceError } from "../../errors.ts";
import { eachLimited } from "../../pool.ts";
import { type ArchivedCollection, BUCKETS, isSpecial, type NamespaceName } from "./archive-format.ts";
import { abortable } from "./client.ts";
import { extendedJson, jsonText } from "./extended-json.ts";
import { driverFault, isForbidden, isMissingNamespace } from "./fault.ts";
import { type CollectionInfo, listCollections, listIndexes } from "./listing.ts";
import type { DatabaseOptions } from "./options.ts";
import { isStorable, selectCollections } from "./selection.ts";
import { atLeast, databaseOf, type ServerInfo } from "./server.ts";

/** One collection that will be in the archive, and where its documents come from. */
export interface PlannedCollection {
  readonly archived: ArchivedCollection;
  /** What its blocks are called. */
  readonly header: NamespaceName;
  readonly indexes: number;
  /** Undefined for a view, which has no documents of its own. */
  readonly source: DocumentSource | undefined;
  readonly uuid: string | undefined;
}

export interface DocumentSource {
  readonly db: string;
  readonly collection: string;
  readonly filter: Document | undefined;
  /** Read a time series as it is stored, which servers from 8.3 on have no collection of its own for. */
  readonly rawData: boolean;
  readonly isCapped: boolean;
  /** The server's own count before it is read; undefined where there is none to compare with. */
  readonly count: number | undefined;
}

export interface DatabasePlan {
  /** Users and roles come first. */
  readonly collections: readonly PlannedCollection[];
  /** Collections that these credentials may not read. */
  readonly forbidden: readonly string[];
  readonly unmatched: readonly string[];
  /** Names of what could be stored and will not be: the server's own is left out by mongodump itself. */
  readonly left: readonly string[];
}

const AT_ONCE = 8;

/** Lists what an archive will hold, with the definition of each. @throws SourceError | TransientError */
export async function planDatabase(
  client: MongoClient,
  server: ServerInfo,
  options: DatabaseOptions,
  usersAndRoles: boolean,
  signal: AbortSignal,
): Promise<DatabasePlan> {
  const db = options.name;
  const listed = await listing(client, db, signal);
  if (listed.length === 0)
    throw new SourceError("SOURCE_NOT_FOUND", `there is no database ${db}, or it is hidden from these credentials`);
  const { collections, unmatched } = selectCollections(listed, options, usersAndRoles);
  if (collections.length === 0) throw new SourceError("SOURCE_EMPTY", `the database ${db} has no collections to store`);
  mustTakeQueries(collections, options);
  const filters = await parsedFilters(options);
  const planned: (PlannedCollection | undefined)[] = [];
  const forbidden: string[] = [];
  await eachLimited(collections.entries(), AT_ONCE, async ([index, info]) => {
    try {
      planned[index] = await planCollection(client, server, db, info, filters.get(info.name), signal);
    } catch (error) {
      signal.throwIfAborted();
      // Dropped since it was listed: unless it was asked for by its name, it was there by chance.
      if (isMissingNamespace(error) && !isNamed(info.name, options)) return;
      if (!isForbidden(error)) throw driverFault(error, `looking at ${db}.${info.name}`);
      forbidden.push(`${db}.${info.name}`);
    }
  });
  const readable = planned.filter((one) => one !== undefined);
  if (readable.length === 0 && forbidden.length > 0)
    throw new SourceError("SOURCE_FORBIDDEN", `these credentials may not read ${forbidden.slice(0, 5).join(", ")}`);
  const special = usersAndRoles && db !== "admin" ? usersOf(db) : [];
  const [first, rest] = [
    readable.filter(({ header }) => isSpecial(header)),
    readable.filter(({ header }) => !isSpecial(header)),
  ];
  const stored = new Set(readable.map(({ archived }) => archived.collection));
  const left = listed.map(({ name }) => name).filter((name) => isStorable(db, name, true) && !stored.has(name));
  return { collections: [...special, ...first, ...rest], forbidden: forbidden.sort(), unmatched, left };
}

const isNamed = (collection: string, { collections = [], query = {} }: DatabaseOptions): boolean =>
  collections.includes(collection) || Object.hasOwn(query, collection);

/** A view has no documents to choose from, and a time series is read as buckets, which have not the fields of its documents. */
function mustTakeQueries(collections: readonly CollectionInfo[], { name: db, query = {} }: DatabaseOptions): void {
  const other = collections.find(({ name, type }) => Object.hasOwn(query, name) && /^(view|timeseries)$/.test(type));
  if (other === undefined) return;
  const what = other.type === "view" ? "a view, of which only the definition is stored" : "a time series";
  throw new SourceError(
    "SOURCE_FAILED",
    `${db}.${other.name} is ${what}, and takes no query: take ${other.name} out of query`,
  );
}

async function listing(client: MongoClient, db: string, signal: AbortSignal): Promise<CollectionInfo[]> {
  try {
    return await listCollections(client, db, signal);
  } catch (error) {
    signal.throwIfAborted();
    throw driverFault(error, `listing the collections of ${db}`);
  }
}

async function planCollection(
  client: MongoClient,
  server: ServerInfo,
  db: string,
  info: CollectionInfo,
  filter: Document | undefined,
  signal: AbortSignal,
): Promise<PlannedCollection> {
  const { name: collection, type, uuid } = info;
  const isView = type === "view";
  const isSeries = type === "timeseries";
  const indexes = isView ? [] : await listIndexes(client, db, collection, signal);
  const archived = { db, collection, metadata: metadataOf(info, indexes), size: 0, type };
  if (isView) return { archived, header: { db, collection }, indexes: 0, source: undefined, uuid };
  const rawData = isSeries && atLeast(server.version, 8, 3);
  const stored = isSeries && !rawData ? BUCKETS + collection : collection;
  // Asking for the count shows at once whether the documents may be read.
  const count = await countOf(client, db, stored, signal);
  const source = {
    db,
    collection: stored,
    filter,
    rawData,
    isCapped: isCapped(info),
    count: filter === undefined && !isSeries ? count : undefined,
  };
  return { archived, header: { db, collection: stored }, indexes: indexes.length, source, uuid };
}

/** The server's own number of documents, from its books and not by counting. @throws what the driver throws */
export async function countOf(
  client: MongoClient,
  db: string,
  collection: string,
  signal: AbortSignal,
): Promise<number> {
  const counting = databaseOf(client, db).command({ count: collection }, { readPreference: client.readPreference });
  return Number((await abortable(counting, signal)).n);
}

/** Names in the order in which mongodump writes them. */
function metadataOf({ name, type, options, uuid }: CollectionInfo, indexes: readonly Buffer[]): string {
  const members = [
    options === undefined ? undefined : `"options":${extendedJson(options)}`,
    `"indexes":[${indexes.map(extendedJson).join(",")}]`,
    uuid === undefined ? undefined : `"uuid":${jsonText(uuid)}`,
    `"collectionName":${jsonText(name)}`,
    type === "" ? undefined : `"type":${jsonText(type)}`,
  ];
  return `{${members.filter((member) => member !== undefined).join(",")}}`;
}

/** As `mongodump --dumpDbUsersAndRoles` does, in the names that `mongorestore --restoreDbUsersAndRoles` looks for. */
function usersOf(db: string): PlannedCollection[] {
  return ["users", "roles", "version"].map((what) => {
    const collection = `$admin.system.${what}`;
    const filter = what === "version" ? undefined : { db };
    const source = {
      db: "admin",
      collection: `system.${what}`,
      filter,
      rawData: false,
      isCapped: false,
      count: undefined,
    };
    return {
      archived: { db, collection, metadata: "", size: 0, type: "" },
      header: { db, collection },
      indexes: 0,
      source,
      uuid: undefined,
    };
  });
}

function isCapped({ options }: CollectionInfo): boolean {
  return options !== undefined && /[{,]"capped":(?:true|\{"\$number\w+":"1)/.test(extendedJson(options));
}

/** The driver's own reading of Extended JSON, because a filter goes to the server through the driver. */
async function parsedFilters({ query = {} }: DatabaseOptions): Promise<ReadonlyMap<string, Document>> {
  const { BSON } = await import("mongodb");
  return new Map(Object.entries(query).map(([name, filter]) => [name, BSON.EJSON.deserialize(filter) as Document]));
}
