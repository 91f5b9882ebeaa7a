import { createWriteStream } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import type { Bytes } from "../../bytes.ts";
import { IntegrityError } from "../../errors.ts";
import type { ProvenArtifact } from "../connector.ts";
import { isAboutTheArchive } from "./archive-fault.ts";
import { archiveParser } from "./archive-parser.ts";
import { BsonFault } from "./bson-read.ts";
import { documentParser } from "./document-parser.ts";
import { OPLOG_TYPE } from "./oplog-item.ts";

/** What mongorestore is given as `--dir`: it replays the `oplog.bson` of a folder. */
export const OPLOG_FOLDER = "oplog";

/**
 * The archive as a file, for mongorestore; an oplog in a folder of its own, as mongorestore wants it. Parsed on the way.
 * @throws IntegrityError when it is no archive. Nothing is left then.
 */
export async function restoreArtifact(
  artifact: ProvenArtifact,
  bytes: Bytes,
  folder: string,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const isOplog = artifact.contentType === OPLOG_TYPE;
  const name = isOplog ? OPLOG_FOLDER : nameOf(artifact);
  const path = isOplog ? join(folder, OPLOG_FOLDER, "oplog.bson") : join(folder, name);
  if (isOplog) await mkdir(join(folder, OPLOG_FOLDER), { mode: 0o700 });
  try {
    await pipeline(checked(artifact, bytes), createWriteStream(path, { flags: "wx", mode: 0o600 }), { signal });
  } catch (error) {
    await rm(join(folder, name), { recursive: true, force: true });
    signal.throwIfAborted();
    if (!(isAboutTheArchive(error) || error instanceof BsonFault)) throw error;
    throw new IntegrityError("INTEGRITY_MISMATCH", `${artifact.path}: ${error.message}`, { cause: error });
  }
  return [name];
}

/** Without the endings of compression and encryption, which are undone by now: `app.archive` of `app/app.archive.zst`. */
const nameOf = ({ path }: ProvenArtifact): string =>
  path.slice(path.lastIndexOf("/") + 1).replace(/(\.(?:archive|bson))(?:\.(?:zst|gz|age|gpg))+$/, "$1");

/** The same bytes, an error at the first that are wrong. */
async function* checked(artifact: ProvenArtifact, bytes: Bytes): Bytes {
  const parser = artifact.contentType === OPLOG_TYPE ? documentParser(() => {}) : archiveParser({ deep: false });
  for await (const chunk of bytes) {
    parser.push(chunk);
    yield chunk;
  }
  parser.end();
}
