import { createWriteStream } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import type { Bytes } from "../../bytes.ts";
import { IntegrityError } from "../../errors.ts";
import { shellWord } from "../../shell-word.ts";
import type { ProvenArtifact, RestoredArtifact } from "../connector.ts";
import { ARCHIVE_TYPE, type ArchiveFacts, factsOfArchive } from "./archive-facts.ts";
import { isAboutTheArchive } from "./archive-fault.ts";
import { archiveParser } from "./archive-parser.ts";
import { OPLOG_TYPE } from "./oplog-item.ts";
import { type ArchiveRestore, archiveLines, oplogLine } from "./restore-lines.ts";

/** The archive as a file, for mongorestore. Parsed on the way. @throws IntegrityError when it is no archive. Nothing is left then. */
export async function restoreArtifact(
  artifact: ProvenArtifact,
  bytes: Bytes,
  folder: string,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const name = nameOf(artifact);
  const path = join(folder, name);
  try {
    await pipeline(checked(bytes), createWriteStream(path, { flags: "wx", mode: 0o600 }), { signal });
  } catch (error) {
    await rm(path, { force: true });
    signal.throwIfAborted();
    if (!isAboutTheArchive(error)) throw error;
    throw new IntegrityError("INTEGRITY_MISMATCH", `${artifact.path}: ${error.message}`, { cause: error });
  }
  return [name];
}

/** The lines that bring restored archives into a server, in their order, behind one that says where its address goes. */
export function mongorestoreLines(restored: readonly RestoredArtifact[]): readonly string[] {
  const oplogs = restored.filter(({ contentType }) => contentType === OPLOG_TYPE);
  const archives = restored.filter(({ contentType }) => contentType === ARCHIVE_TYPE);
  const lines = [
    ...archives.flatMap((archive) =>
      archiveLines(archiveRestoreOf(factsOfArchive(archive), oplogs.length > 0), pathOf(archive)),
    ),
    ...oplogs.map((oplog) => oplogLine(pathOf(oplog))),
  ];
  return lines.length === 0 ? [] : [ADDRESS_LINE, ...lines];
}

/** What mongorestore must be told of an archive, by its facts. */
export function archiveRestoreOf({ database, collections }: ArchiveFacts, withOplog: boolean): ArchiveRestore {
  return {
    database,
    withOplog,
    withUsers: collections.some(({ name }) => name.startsWith("$admin.")),
    series: collections.filter(({ type }) => type === "timeseries").map(({ name }) => name),
  };
}

const ADDRESS_LINE = '# mongorestore.yml, which only you may read, says where to: uri: "mongodb://…"';

const pathOf = ({ paths }: RestoredArtifact): string => paths.map(shellWord).join(" ");

/** Without the endings of compression and encryption, which are undone by now: `app.archive` of `app/app.archive.zst`. */
const nameOf = ({ path }: ProvenArtifact): string =>
  path.slice(path.lastIndexOf("/") + 1).replace(/(\.archive)(?:\.(?:zst|gz|age|gpg))+$/, "$1");

/** The same bytes, an error at the first that are wrong. */
async function* checked(bytes: Bytes): Bytes {
  const parser = archiveParser({ deep: false });
  for await (const chunk of bytes) {
    parser.push(chunk);
    yield chunk;
  }
  parser.end();
}
