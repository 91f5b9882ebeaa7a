import { SourceError } from "../../errors.ts";
import type { CollectionInfo } from "./listing.ts";
import type { DatabaseOptions } from "./options.ts";
import { isPattern, matcher } from "./patterns.ts";

/** What a sharded cluster's own database holds that can be brought back; mongodump keeps the same. */
const CONFIG_COLLECTIONS = new Set(["chunks", "collections", "databases", "settings", "shards", "tags", "version"]);
const USERS_AND_ROLES = new Set(["system.users", "system.roles", "system.version"]);

export interface Selection {
  readonly collections: readonly CollectionInfo[];
  /** Patterns of the options that match nothing. */
  readonly unmatched: readonly string[];
}

/** True for databases that are the server's own, and mean nothing on another one. */
export const isServersOwn = (db: string): boolean => db === "local" || db.startsWith("__mdb_internal");

/**
 * Of a database's collections those that are to be stored.
 * @throws SourceError `SOURCE_NOT_FOUND` for a name of the options that is not there, and when nothing is selected at all
 */
export function selectCollections(
  listed: readonly CollectionInfo[],
  options: DatabaseOptions,
  usersAndRoles: boolean,
): Selection {
  const { name: db, collections, exclude_collections: exclude = [], query = {} } = options;
  const storable = listed.filter(({ name }) => isStorable(db, name, usersAndRoles));
  const present = new Set(storable.map(({ name }) => name));
  const named = [...(collections ?? []).filter((name) => !isPattern(name)), ...Object.keys(query)];
  const missing = named.filter((name) => !present.has(name));
  if (missing.length > 0) throw new SourceError("SOURCE_NOT_FOUND", missingMessage(db, missing, listed));
  const isIncluded = collections === undefined ? () => true : matcher(collections);
  const isExcluded = matcher(exclude);
  const selected = storable.filter(({ name }) => isIncluded(name) && !isExcluded(name));
  if (selected.length === 0 && collections !== undefined)
    throw new SourceError("SOURCE_NOT_FOUND", `no collection of ${db} matches ${collections.join(", ")}`);
  const unmatched = (collections ?? []).filter((pattern) => {
    const matches = matcher([pattern]);
    return isPattern(pattern) && !storable.some(({ name }) => matches(name));
  });
  return { collections: selected, unmatched };
}

/** The rest is the server's own bookkeeping, which it makes anew: indexes of views, buckets of time series, profiles. */
export function isStorable(db: string, name: string, usersAndRoles: boolean): boolean {
  if (db === "config") return CONFIG_COLLECTIONS.has(name);
  if (!name.startsWith("system.")) return true;
  if (db === "admin" && USERS_AND_ROLES.has(name)) return usersAndRoles;
  return name === "system.js";
}

function missingMessage(db: string, missing: readonly string[], listed: readonly CollectionInfo[]): string {
  const [first = ""] = missing;
  const isOwn = listed.some(({ name }) => name === first);
  if (isOwn) return `${db}.${first} is the server's own and cannot be brought back: take it out of the options`;
  const more = missing.length > 1 ? `, nor ${missing.slice(1, 10).join(", ")}` : "";
  return `the database ${db} has no collection ${first}${more}`;
}
