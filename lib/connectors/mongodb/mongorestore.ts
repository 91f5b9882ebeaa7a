import type { MongoClient } from "mongodb";
import type { Bytes } from "../../bytes.ts";
import { RefusedError, SourceError } from "../../errors.ts";
import { type Exit, ProgramMissingError, programOutput } from "../../process.ts";
import type { RestorableUnit, RestoredTo, RestoreTarget, TargetContext } from "../connector.ts";
import { ARCHIVE_TYPE, factsOfArchive } from "./archive-facts.ts";
import { addressAt, connect, type ServerAddress } from "./client.ts";
import { countOf } from "./database-plan.ts";
import { driverFault } from "./fault.ts";
import { listCollections } from "./listing.ts";
import { OPLOG_TYPE } from "./oplog-item.ts";
import type { MongodbOptions } from "./options.ts";
import { archiveRestoreOf } from "./restore.ts";
import { archiveOptions, OPLOG_OPTIONS } from "./restore-lines.ts";
import { CONFIG_PATH, toolConfig } from "./tool-config.ts";
import { judgeTool } from "./tool-fault.ts";

const PROGRAM = "mongorestore";

/** `restore --to-uri-env VARIABLE`: mongorestore brings the archives into the server whose URI the variable holds. */
export const uriTarget: RestoreTarget<MongodbOptions> = {
  name: "uri-env",
  takesManyUnits: true,
  async restore(unit, place, options, context) {
    const address = await addressAt(options, { from: "env", name: place }, "--to-uri-env", context);
    const client = await connect(address, context.signal);
    try {
      return await restoreUnit(client, address, unit, context);
    } catch (error) {
      context.signal.throwIfAborted();
      throw driverFault(error, `restoring ${unit.id}`);
    } finally {
      await client.close();
    }
  },
};

async function restoreUnit(
  client: MongoClient,
  address: ServerAddress,
  unit: RestorableUnit,
  { force, signal }: TargetContext,
): Promise<RestoredTo> {
  const archive = unit.artifacts.find(({ contentType }) => contentType === ARCHIVE_TYPE);
  if (archive === undefined) throw new RefusedError(`there is no archive stored of ${unit.id}`);
  const facts = factsOfArchive(archive);
  const { database, collections, documents } = facts;
  const present = await listCollections(client, database, signal);
  const inTheWay = present.filter(({ name }) => collections.some((one) => one.name === name)).map(({ name }) => name);
  if (inTheWay.length > 0 && !force) {
    throw new RefusedError(
      `${database} has ${inTheWay.slice(0, 5).join(", ")} there already; --force restores beside what it holds, and replaces nothing`,
    );
  }
  const oplog = unit.artifacts.find(({ contentType }) => contentType === OPLOG_TYPE);
  const said: string[] = [];
  for (const options of archiveOptions(archiveRestoreOf(facts, oplog !== undefined)))
    said.push(await runTool(address, unit.id, options, archive.open(), signal));
  if (oplog !== undefined) await runTool(address, unit.id, OPLOG_OPTIONS, oplog.open(), signal);
  const counted = await countAll(client, database, collections, signal);
  const ordinary = collections.filter(({ name }) => !name.startsWith("$admin.")).length;
  const detail = `${counted} documents are in ${ordinary} collections now, ${documents} were stored; mongorestore: ${said.join("; ")}`;
  return { detail, facts: { documents: counted, collections: ordinary } };
}

/** Its last words, which are how many documents it restored and how many not. @throws SourceError | TransientError */
async function runTool(
  address: ServerAddress,
  where: string,
  args: readonly string[],
  stdin: Bytes,
  signal: AbortSignal,
): Promise<string> {
  let said = "";
  const judge = judgeTool(PROGRAM, where);
  const config = await toolConfig(address);
  try {
    const options = {
      signal,
      stdin,
      descriptors: config.descriptors,
      judge: (exit: Exit) => {
        judge(exit);
        said =
          exit.stderr
            .trim()
            .split("\n")
            .at(-1)
            ?.replace(/^\S+\s+/, "") ?? "";
      },
    };
    for await (const _ of programOutput(PROGRAM, [`--config=${CONFIG_PATH}`, ...args, "--archive"], options));
  } catch (error) {
    if (!(error instanceof ProgramMissingError)) throw error;
    throw new SourceError(
      "SOURCE_FAILED",
      "restoring to a server needs mongorestore (MongoDB Database Tools), which is not installed here",
      { cause: error },
    );
  } finally {
    await config.close();
  }
  const [, failed = "0"] = /(\d+) document\(s\) failed to restore/.exec(said) ?? [];
  if (failed !== "0") throw new SourceError("SOURCE_INCOMPLETE", `${where}: mongorestore: ${said}`);
  return said;
}

async function countAll(
  client: MongoClient,
  db: string,
  collections: readonly { name: string; type: string }[],
  signal: AbortSignal,
): Promise<number> {
  let total = 0;
  for (const { name, type } of collections) {
    if (type === "collection") total += await countOf(client, db, name, signal);
  }
  return total;
}
