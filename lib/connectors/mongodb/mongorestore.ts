import { join } from "node:path";
import type { MongoClient } from "mongodb";
import type { Bytes } from "../../bytes.ts";
import { RefusedError, SourceError } from "../../errors.ts";
import { type Exit, ProgramMissingError, programOutput } from "../../process.ts";
import { scratchFolder } from "../../scratch.ts";
import type { RestorableUnit, RestoredTo, RestoreTarget, TargetContext } from "../connector.ts";
import { ARCHIVE_TYPE, factsOfArchive } from "./archive-facts.ts";
import { connect, resolvedUri, type ServerAddress } from "./client.ts";
import { countOf } from "./database-plan.ts";
import { driverFault } from "./fault.ts";
import { listCollections } from "./listing.ts";
import { OPLOG_TYPE } from "./oplog-item.ts";
import type { MongodbOptions } from "./options.ts";
import { OPLOG_FOLDER, restoreArtifact } from "./restore.ts";
import { CONFIG_PATH, toolConfig } from "./tool-config.ts";
import { judgeTool } from "./tool-fault.ts";

const PROGRAM = "mongorestore";

/** `restore --to-uri-env VARIABLE`: mongorestore brings the archives into the server whose URI the variable holds. */
export const uriTarget: RestoreTarget<MongodbOptions> = {
  name: "uri-env",
  takesManyUnits: true,
  async restore(unit, place, options, context) {
    const address: ServerAddress = {
      uri: await resolvedUri({ from: "env", name: place }, "--to-uri-env", context),
      tlsCaFile: options.tls_ca_file,
      tlsCertificateKeyFile: options.tls_certificate_key_file,
      tlsCertificateKeyPassword: undefined,
      readPreference: "primary",
    };
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
  const { database, collections, documents } = factsOfArchive(archive);
  const present = await listCollections(client, database, signal);
  const inTheWay = present.filter(({ name }) => collections.some((one) => one.name === name)).map(({ name }) => name);
  if (inTheWay.length > 0 && !force) {
    throw new RefusedError(
      `${database} has ${inTheWay.slice(0, 5).join(", ")} there already; --force restores beside what it holds, and replaces nothing`,
    );
  }
  const users = collections.some(({ name }) => name.startsWith("$admin."));
  const scope = users ? ["--restoreDbUsersAndRoles", `--db=${database}`] : [];
  const said = await runTool(address, unit.id, [...scope, "--archive"], archive.open(), signal);
  const oplog = unit.artifacts.find(({ contentType }) => contentType === OPLOG_TYPE);
  if (oplog !== undefined) await replay(address, unit.id, oplog, signal);
  const counted = await countAll(client, database, collections, signal);
  const ordinary = collections.filter(({ name }) => !name.startsWith("$admin.")).length;
  const detail = `${counted} documents are in ${ordinary} collections now, ${documents} were stored; mongorestore: ${said}`;
  return { detail, facts: { documents: counted, collections: ordinary } };
}

/** mongorestore takes an oplog from a folder and nowhere else, so it lies in one of ours for a short while. */
async function replay(
  address: ServerAddress,
  where: string,
  oplog: RestorableUnit["artifacts"][number],
  signal: AbortSignal,
): Promise<void> {
  const folder = await scratchFolder("mongodb");
  try {
    await restoreArtifact(oplog, oplog.open(), folder.path, signal);
    await runTool(address, where, ["--oplogReplay", `--dir=${join(folder.path, OPLOG_FOLDER)}`], undefined, signal);
  } finally {
    await folder.remove();
  }
}

/** Its last words, which are how many documents it restored and how many not. @throws SourceError | TransientError */
async function runTool(
  address: ServerAddress,
  where: string,
  args: readonly string[],
  stdin: Bytes | undefined,
  signal: AbortSignal,
): Promise<string> {
  let said = "";
  const judge = judgeTool(PROGRAM, where);
  const config = await toolConfig(address);
  try {
    const options = {
      signal,
      ...(stdin === undefined ? {} : { stdin }),
      descriptors: [config.fd],
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
    for await (const _ of programOutput(PROGRAM, [`--config=${CONFIG_PATH}`, ...args], options));
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
