import type { MongoClient } from "mongodb";
import { CodedError, ConfigError } from "../../errors.ts";
import { command } from "./server.ts";

/**
 * A function on AWS lives 15 minutes. Below this there is time for reading, compressing and storing at 20 MB/s, with
 * a good part to spare; above it the unit runs in a container.
 */
export const LAMBDA_MAX_BYTES = 10 * 1024 ** 3;
/** From here on `auto` takes mongodump where it is installed: a process of its own leaves ours free to compress. */
export const MONGODUMP_MIN_BYTES = 4 * 1024 ** 3;
/** A snapshot is readable for five minutes by default: what is larger is not through by then. */
export const SNAPSHOT_MAX_BYTES = 2 * 1024 ** 3;

/** Bytes of a database's documents; undefined where the credentials may not ask. @throws TransientError | ConfigError */
export async function databaseBytes(client: MongoClient, db: string, signal: AbortSignal): Promise<number | undefined> {
  try {
    const { dataSize } = await command(client, db, { dbStats: 1 }, signal);
    const bytes = Number(dataSize);
    return Number.isFinite(bytes) ? bytes : undefined;
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof CodedError) || error instanceof ConfigError) throw error;
    return undefined;
  }
}
