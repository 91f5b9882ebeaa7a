import { shellWord } from "../../shell-word.ts";

export interface ArchiveRestore {
  readonly database: string;
  /** Users and roles of the database are in the archive. */
  readonly withUsers: boolean;
  /** An oplog is going to be replayed after it. */
  readonly withOplog: boolean;
  /** Names of the time series in it. */
  readonly series: readonly string[];
}

/** The URI is on no command line: `--config` names the file that has it. */
const COMMAND = "mongorestore --config=mongorestore.yml";

/** What to type for an archive that lies at `path`, a word of the shell already. */
export const archiveLines = (restore: ArchiveRestore, path: string): readonly string[] =>
  archiveOptions(restore).map((options) => [COMMAND, ...options.map(shellWord), `--archive=${path}`].join(" "));

/** What to type for the oplog of a database whose archive was restored before. */
export const oplogLine = (path: string): string => `${COMMAND} ${OPLOG_OPTIONS.join(" ")} --archive=${path}`;

/** mongorestore's options for each time that it is to run over the archive. */
export function archiveOptions({ database, withUsers, withOplog, series }: ArchiveRestore): readonly string[][] {
  const users = withUsers ? ["--restoreDbUsersAndRoles", `--db=${database}`] : [];
  if (!withOplog) return [users];
  // Replaying passes through moments that a unique index forbids, so indexes are built after it, from the definitions
  // that the oplog's archive has. Time series cannot be in there: mongorestore refuses one that exists already.
  const excluded = series.map((name) => `--nsExclude=${namespacePattern(database, name)}`);
  const included = series.map((name) => `--nsInclude=${namespacePattern(database, name)}`);
  return [["--noIndexRestore", ...users, ...excluded], ...(included.length === 0 ? [] : [included])];
}

export const OPLOG_OPTIONS: readonly string[] = ["--oplogReplay"];

const namespacePattern = (database: string, collection: string): string =>
  `${database}.${collection}`.replaceAll(/[*\\]/g, "\\$&");
