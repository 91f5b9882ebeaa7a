import { type Bytes, bytesOf } from "../../bytes.ts";
import { SourceError } from "../../errors.ts";
import { createExcludes } from "../../tar/exclude.ts";
import { printable } from "../../tar/named-list.ts";
import { readPath } from "../../tar/read-path.ts";
import type { ReadingReport } from "../../tar/reading-report.ts";
import { filterTar } from "../../tar/tar-filter.ts";
import { findTar } from "../../tar/tar-program.ts";
import type { CollectContext } from "../connector.ts";
import { archiveOf, isAbsent } from "./archive.ts";
import type { Definition } from "./definition.ts";
import type { Engine } from "./engine/engine.ts";
import { excludingFilter } from "./exclude-members.ts";
import type { Helper } from "./helper.ts";
import type { Session } from "./hold/session.ts";
import { hostPath, liesStill } from "./host-path.ts";
import type { DockerVolumeOptions } from "./options.ts";
import { type Source, sourceName } from "./source.ts";
import { hostIdShift, shiftingFilter } from "./user-namespace.ts";

export interface ReadVolumeOptions {
  readonly given: DockerVolumeOptions;
  readonly definition: Definition;
  /** Folders, relative to the source, that are left out whatever `exclude` says. */
  readonly avoided: readonly string[];
  readonly now: () => Date;
  readonly context: CollectContext;
}

/** An archive to be read, and by whom it is made. */
export interface Reader {
  readonly by: "engine" | "host";
  readonly bytes: Bytes;
  /** What tar noticed; the Engine notices nothing. */
  readonly report?: ReadingReport;
}

/** Made before anyone is held, and asks for its first byte after. */
export async function readByEngine(
  engine: Engine,
  helper: Helper,
  kind: "folder" | "file",
  { given, avoided, context }: ReadVolumeOptions,
  signal: AbortSignal,
): Promise<Reader> {
  const root = Buffer.from(kind === "folder" ? `${helper.path}/.` : helper.path);
  const shift = await hostIdShift(engine, signal);
  const shifted = (bytes: Bytes) => (shift === undefined ? bytes : filterTar(bytes, shiftingFilter(shift)));
  const whole = shifted(archiveOf(engine, helper, root, signal));
  if (given.exclude.length === 0 && avoided.length === 0) return { by: "engine", bytes: whole };
  const filter = excludingFilter({
    excludes: createExcludes(given.exclude, avoided),
    readAlone: (path) => shifted(readAlone(engine, helper, path, signal)),
    onVanished: (path) =>
      context.warn({ code: "FILE_VANISHED", message: `${printable(path)} was gone before it could be read` }),
  });
  return { by: "engine", bytes: filterTar(whole, filter) };
}

/** An archive of nothing for a file that is gone. */
async function* readAlone(engine: Engine, helper: Helper, path: Buffer, signal: AbortSignal): Bytes {
  try {
    yield* archiveOf(engine, helper, Buffer.concat([Buffer.from(`${helper.path}/`), path]), signal);
  } catch (error) {
    if (!isAbsent(error)) throw error;
    yield* bytesOf(Buffer.alloc(1024));
  }
}

/**
 * By tar on this machine, from the files themselves; undefined where that cannot be, or could be led astray. With
 * `read: host` the operator answers for the latter, and the former is an error.
 */
export async function readHere(
  engine: Engine,
  source: Source,
  session: Session,
  { given, definition, avoided }: ReadVolumeOptions,
  signal: AbortSignal,
): Promise<Reader | undefined> {
  if (given.read === "engine") return undefined;
  if (given.read === "auto" && !(await liesStill(engine, source, session.held(), signal))) return undefined;
  const path = await hostPath(engine, source, definition.volume, session.helper, signal);
  const { program } = await findTar(signal);
  if (path === undefined || program === undefined) {
    if (given.read === "auto") return undefined;
    throw new SourceError(
      "SOURCE_FORBIDDEN",
      `${sourceName(source)} cannot be read on this machine: that takes root, GNU tar, an Engine of this machine, and a folder without a driver in between; leave read: host out`,
    );
  }
  const options = { program, exclude: given.exclude, avoided, oneFileSystem: false, followSymlinks: false, signal };
  const { bytes, report } = readPath(path, options);
  return { by: "host", bytes, report };
}
