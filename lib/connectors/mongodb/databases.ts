import type { MongoClient } from "mongodb";
import { CodedError, ConfigError } from "../../errors.ts";
import type { Unit } from "../connector.ts";
import { databaseBytes, LAMBDA_MAX_BYTES } from "./database-size.ts";
import { listCollections } from "./listing.ts";
import { type DatabaseOptions, databaseOf, type MongodbOptions } from "./options.ts";
import { matcher } from "./patterns.ts";
import { isProofName } from "./proof-name.ts";
import { isServersOwn, isStorable } from "./selection.ts";
import { command } from "./server.ts";

/** A unit a database: those that the options name, whether they are there or not, or all that the server lists. */
export async function* listDatabases(
  client: MongoClient,
  options: MongodbOptions,
  signal: AbortSignal,
): AsyncGenerator<Unit> {
  for (const name of await databaseNames(client, options, signal)) {
    signal.throwIfAborted();
    const bytes = await databaseBytes(client, name, signal);
    const isLarge = bytes !== undefined && bytes > LAMBDA_MAX_BYTES;
    // A function has no program mongodump.
    const compute = isLarge || strategyOf(options, name) === "mongodump" ? "fargate" : "lambda";
    yield { id: name, compute, ...(bytes === undefined ? {} : { estimatedBytes: Math.round(bytes) }), input: {} };
  }
}

/** What the options say of the database that a unit is of. */
export function databaseOfUnit(options: MongodbOptions, unit: Unit): DatabaseOptions {
  if (options.databases === undefined) return { name: unit.id };
  const found = options.databases.map(databaseOf).find(({ name }) => name === unit.id);
  if (found === undefined) throw new ConfigError(`no database of the job is called ${unit.id}`);
  return found;
}

function strategyOf({ databases = [], dump_strategy }: MongodbOptions, name: string): DatabaseOptions["dump_strategy"] {
  return databases.map(databaseOf).find((one) => one.name === name)?.dump_strategy ?? dump_strategy;
}

async function databaseNames(client: MongoClient, options: MongodbOptions, signal: AbortSignal): Promise<string[]> {
  if (options.databases !== undefined) return options.databases.map((entry) => databaseOf(entry).name);
  const { databases } = await command(client, "admin", { listDatabases: 1, nameOnly: true }, signal);
  const isExcluded = matcher(options.exclude_databases ?? []);
  const names: string[] = [];
  for (const { name } of databases as { name: string }[]) {
    if (isServersOwn(name) || isProofName(name) || isExcluded(name)) continue;
    if ((name === "admin" || name === "config") && !(await holdsAnything(client, name, options, signal))) continue;
    names.push(name);
  }
  return names.sort();
}

/** These two are always there, and usually hold nothing but the server's own. */
async function holdsAnything(
  client: MongoClient,
  db: string,
  options: MongodbOptions,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    const listed = await listCollections(client, db, signal);
    return listed.some(({ name }) => isStorable(db, name, options.users_and_roles));
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof CodedError) throw error;
    // Whoever may not look learns so from the unit, unless it could only have held users.
    return options.users_and_roles;
  }
}
