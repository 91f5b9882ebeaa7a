import type { MongoClient } from "mongodb";
import type { Bytes } from "../../bytes.ts";
import { SourceError, TransientError } from "../../errors.ts";
import { ProgramMissingError, programOutput, programText } from "../../process.ts";
import { type ArchivedNamespaceFacts, summaryFacts } from "./archive-facts.ts";
import { isSpecial } from "./archive-format.ts";
import { archiveParser } from "./archive-parser.ts";
import type { ServerAddress } from "./client.ts";
import { usesAwsIam } from "./client.ts";
import { countOf, type DatabasePlan } from "./database-plan.ts";
import { databaseBytes, MONGODUMP_MIN_BYTES } from "./database-size.ts";
import { driverFault } from "./fault.ts";
import type { DatabaseOptions } from "./options.ts";
import { CONFIG_PATH, toolConfig } from "./tool-config.ts";
import { judgeTool } from "./tool-fault.ts";

/** mongodump, and where it is to read from. */
export interface DumpProgram {
  readonly address: ServerAddress;
}

export interface ProgramArchiveOptions {
  readonly client: MongoClient;
  readonly database: DatabaseOptions;
  readonly plan: DatabasePlan;
  readonly usersAndRoles: boolean;
  readonly signal: AbortSignal;
  /** Hears of each namespace after the last byte. */
  readonly onEnd: (facts: ArchivedNamespaceFacts) => void;
}

const PROGRAM = "mongodump";
/** Linux takes 2 MiB in all. */
const MAX_ARGUMENT_BYTES = 1024 * 1024;

/**
 * Undefined when the driver is to read.
 * @throws SourceError `SOURCE_FAILED` when mongodump is asked for and cannot be used
 */
export async function chosenProgram(
  client: MongoClient,
  address: ServerAddress,
  strategy: "auto" | "driver" | "mongodump",
  database: DatabaseOptions,
  signal: AbortSignal,
): Promise<DumpProgram | undefined> {
  const wanted = strategy === "mongodump" || (strategy === "auto" && (await isLarge(client, database.name, signal)));
  // It takes a query for one collection alone.
  if (!wanted || database.query !== undefined) return undefined;
  const obstacle = usesAwsIam(address.uri)
    ? "mongodump would need the AWS credentials in its environment, where others can read them; use dump_strategy driver"
    : await hindrance(signal);
  if (obstacle === undefined) return { address };
  if (strategy === "auto") return undefined;
  throw new SourceError("SOURCE_FAILED", `${database.name}: ${obstacle}`);
}

/**
 * Undefined too for a database with a collection that mongodump leaves out in silence: one with a dollar sign in its name.
 * @throws SourceError `SOURCE_FAILED` when mongodump is asked for
 */
export function programFor(
  program: DumpProgram | undefined,
  strategy: "auto" | "driver" | "mongodump",
  plan: DatabasePlan,
): DumpProgram | undefined {
  const skipped = plan.collections.find(({ header }) => header.collection.includes("$") && !isSpecial(header));
  if (program === undefined || skipped === undefined) return program;
  if (strategy === "auto") return undefined;
  const { db, collection } = skipped.header;
  throw new SourceError(
    "SOURCE_FAILED",
    `${db}.${collection}: mongodump stores no collection with $ in its name; use dump_strategy driver or auto for ${db}`,
  );
}

/** What mongodump writes, parsed as it passes by. @throws SourceError | TransientError */
export async function* programArchive({ address }: DumpProgram, options: ProgramArchiveOptions): Bytes {
  const { database, signal, onEnd } = options;
  const args = argumentsOf(address, options);
  if (args.join(" ").length > MAX_ARGUMENT_BYTES)
    throw new SourceError(
      "SOURCE_FAILED",
      `${database.name}: there are too many collections to leave out; use dump_strategy driver`,
    );
  const parser = archiveParser({ deep: false });
  const config = await toolConfig(address);
  try {
    const judge = judgeTool(PROGRAM, database.name);
    for await (const chunk of programOutput(PROGRAM, args, { signal, judge, descriptors: config.descriptors })) {
      parser.push(chunk);
      yield chunk;
    }
  } finally {
    await config.close();
  }
  const found = summaryFacts(parser.end());
  mustHoldAll(database.name, options.plan, found);
  for (const facts of found) onEnd({ ...facts, counted: await countsOf(options, facts.name) });
}

async function isLarge(client: MongoClient, db: string, signal: AbortSignal): Promise<boolean> {
  return ((await databaseBytes(client, db, signal)) ?? 0) >= MONGODUMP_MIN_BYTES;
}

async function hindrance(signal: AbortSignal): Promise<string | undefined> {
  try {
    await programText(PROGRAM, ["--version"], { signal });
    return undefined;
  } catch (error) {
    signal.throwIfAborted();
    const why =
      error instanceof ProgramMissingError ? "is not installed" : `does not run (${(error as Error).message})`;
    return `mongodump ${why}: install MongoDB Database Tools, or use dump_strategy driver`;
  }
}

function argumentsOf(
  { readPreference }: ServerAddress,
  { database, plan, usersAndRoles }: ProgramArchiveOptions,
): string[] {
  return [
    `--config=${CONFIG_PATH}`,
    "--archive",
    `--db=${database.name}`,
    ...(readPreference === undefined ? [] : [`--readPreference=${readPreference}`]),
    ...(usersAndRoles && database.name !== "admin" ? ["--dumpDbUsersAndRoles"] : []),
    ...plan.left.map((name) => `--excludeCollection=${name}`),
  ];
}

/** It ends well, with an archive of nothing, for a database that is not there. */
function mustHoldAll(db: string, plan: DatabasePlan, found: readonly ArchivedNamespaceFacts[]): void {
  const names = new Set(found.map(({ name }) => name));
  const missing = plan.collections.map(({ archived }) => archived.collection).filter((name) => !names.has(name));
  if (missing.length === 0) return;
  throw new TransientError(
    "SOURCE_UNAVAILABLE",
    `mongodump stored nothing of ${missing
      .slice(0, 5)
      .map((name) => `${db}.${name}`)
      .join(", ")}, which the server lists`,
  );
}

async function countsOf({ client, plan, signal }: ProgramArchiveOptions, name: string) {
  const source = plan.collections.find(({ archived }) => archived.collection === name)?.source;
  if (source?.count === undefined) return undefined;
  try {
    return [source.count, await countOf(client, source.db, source.collection, signal)] as const;
  } catch (error) {
    signal.throwIfAborted();
    throw driverFault(error, `counting ${source.db}.${source.collection}`);
  }
}
