import type { MongoClient } from "mongodb";
import { ConfigError } from "../../errors.ts";
import type { Connector, ConnectorContext, ConnectorKind } from "../connector.ts";
import { abortable, connect, proofAddress, serverAddress } from "./client.ts";
import { collectDatabase } from "./collect.ts";
import { databaseOfUnit, listDatabases } from "./databases.ts";
import { chosenProgram } from "./mongodump.ts";
import { uriTarget } from "./mongorestore.ts";
import { type MongodbOptions, mongodbOptions } from "./options.ts";
import { proveArtifact } from "./prove.ts";
import { mongorestoreLines, restoreArtifact } from "./restore.ts";
import { serverInfo } from "./server.ts";

/** Databases of a MongoDB server, each as an archive of mongodump's format. docs/mongodb.md says what it holds and what not. */
export const mongodb: ConnectorKind<MongodbOptions> = {
  options: mongodbOptions,
  create: async (options, context) => mongodbConnector(options, context),
  restore: restoreArtifact,
  next: mongorestoreLines,
  targets: [uriTarget],
};

function mongodbConnector(options: MongodbOptions, context: ConnectorContext): Connector {
  const withoutSnapshot = new Set<string>();
  const withoutProgram = new Set<string>();
  const ended = new AbortController();
  let connecting: Promise<MongoClient> | undefined;

  /** One for all units: the driver pools connections. Whoever waits for it may stop waiting alone. */
  async function client(signal: AbortSignal): Promise<MongoClient> {
    signal.throwIfAborted();
    connecting ??= serverAddress(options, context).then((address) => connect(address, ended.signal));
    const attempt = connecting;
    attempt.catch(() => {
      if (connecting === attempt) connecting = undefined;
    });
    return abortable(attempt, signal);
  }

  return {
    async prepare(signal) {
      const connected = await client(signal);
      const server = await serverInfo(connected, signal);
      if (options.oplog && server.setName === undefined) {
        const what = server.isMongos ? "a mongos" : "no member of a replica set";
        throw new ConfigError(`oplog needs a replica set, and this server is ${what}`);
      }
      if (options.oplog) mustReadPrimary(connected);
    },
    async *units(signal) {
      yield* listDatabases(await client(signal), options, signal);
    },
    async *collect(unit, collecting) {
      const { signal } = collecting;
      const database = databaseOfUnit(options, unit);
      const connected = await client(signal);
      if (options.oplog) mustReadPrimary(connected);
      const server = await serverInfo(connected, signal);
      const address = await serverAddress(options, context);
      const strategy = database.dump_strategy ?? options.dump_strategy;
      const program = withoutProgram.has(database.name)
        ? undefined
        : await chosenProgram(connected, address, strategy, database, signal);
      const given = { client: connected, server, database, options, strategy, program };
      yield* collectDatabase({ ...given, withoutSnapshot, withoutProgram }, collecting);
    },
    prove: async (artifact, bytes, how) =>
      proveArtifact(artifact, bytes, { ...how, now: context.now }, () => proofAddress(options, context)),
    async cleanup() {
      ended.abort(new Error("the connector was closed"));
      const open = await connecting?.catch(() => undefined);
      await open?.close();
    },
  };
}

/** A member that lags may lack what was written before the oplog's start, and one question may go to another member than the next. */
function mustReadPrimary({ readPreference: { mode } }: MongoClient): void {
  if (mode === "primary") return;
  throw new ConfigError(`oplog needs the read preference primary, and it is ${mode}: set read_preference: primary`);
}
