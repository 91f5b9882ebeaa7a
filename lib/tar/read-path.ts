import { lstat, opendir, stat } from "node:fs/promises";
import { basename, dirname, resolve } from "node:path";
import { type Bytes, bytesOf } from "../bytes.ts";
import type { Facts } from "../connectors/connector.ts";
import { type ErrorCode, SourceError } from "../errors.ts";
import { type Exit, programOutput } from "../process.ts";
import { createArchiveCount } from "./archive-facts.ts";
import { createExcludes } from "./exclude.ts";
import { createReadingReport, type ReadingReport } from "./reading-report.ts";
import { TarFormatError } from "./tar-header.ts";
import { createMessageReader } from "./tar-messages.ts";
import { createTarScanner } from "./tar-scan.ts";
import { type Walk, walk } from "./walk.ts";

export interface ReadPathOptions {
  /** GNU tar's name. */
  readonly program: string;
  readonly exclude: readonly string[];
  /** Folders, relative to the path, that are left out whatever `exclude` says. */
  readonly avoided: readonly string[];
  readonly oneFileSystem: boolean;
  readonly followSymlinks: boolean;
  readonly signal: AbortSignal;
}

/** One reading of a path. `report` and `facts` are meaningful after the last byte. */
export interface Reading {
  readonly bytes: Bytes;
  readonly report: ReadingReport;
  facts(): Facts;
}

/** 64 KiB a write instead of 10, which is what a pipe takes at once. The archive is filled up to a multiple of it. */
const BLOCKING_FACTOR = 128;

/** Order matters: tar applies `--directory` to what follows it. */
const CREATE = [
  "--create",
  "--file=-",
  "--format=posix",
  // Of the three times only that of the content can be restored; the others would make every archive differ.
  "--pax-option=delete=atime,delete=ctime",
  `--blocking-factor=${BLOCKING_FACTOR}`,
  "--no-recursion",
  "--xattrs",
  "--acls",
  "--sparse",
  "--numeric-owner",
  "--no-wildcards",
];

/**
 * The archive of a path, made by GNU tar from the names of our own walk. It ends only when tar ended well, every name
 * that it was given is in the archive or in the report, and the path is still what it was.
 */
export function readPath(path: string, options: ReadPathOptions): Reading {
  const report = createReadingReport();
  const count = createArchiveCount();
  let ended = false;

  async function* bytes(): Bytes {
    options.signal.throwIfAborted();
    const before = await identify(path);
    const source = before.isFolder ? await folderSource(path, options, report) : fileSource(path, before.isLink);
    const scanner = createTarScanner({ entry: (entry) => count.add(entry) });
    const messages = createMessageReader(report);
    const args = [
      ...CREATE,
      ...(options.followSymlinks || source.dereference ? ["--dereference"] : []),
      `--directory=${source.directory}`,
    ];
    const archive = programOutput(options.program, [...args, "--null", "--verbatim-files-from", "--files-from=-"], {
      signal: options.signal,
      stdin: source.walk.names,
      onStderr: (chunk) => messages.write(chunk),
      judge: (exit) => {
        messages.end();
        judge(path, exit, report);
      },
    });
    try {
      for await (const chunk of archive) {
        scanner.write(chunk);
        yield chunk;
      }
      scanner.end();
    } catch (error) {
      if (error instanceof TarFormatError)
        throw new SourceError("SOURCE_FAILED", `${path}: tar made no whole archive: ${error.message}`, {
          cause: error,
        });
      throw error;
    }
    checkCount(path, source.walk.count(), count.entries, report);
    await checkPresence(path, before);
    ended = true;
  }

  return {
    bytes: bytes(),
    report,
    facts() {
      if (!ended) throw new Error("facts were asked for before the last byte");
      return count.facts();
    },
  };
}

interface Source {
  readonly directory: string;
  readonly walk: Walk;
  readonly dereference: boolean;
}

async function folderSource(path: string, options: ReadPathOptions, report: ReadingReport): Promise<Source> {
  const { oneFileSystem, followSymlinks, signal } = options;
  const root = resolve(path);
  await assertListable(path);
  return {
    directory: root,
    walk: walk({
      root,
      excludes: createExcludes(options.exclude, options.avoided),
      oneFileSystem,
      followSymlinks,
      report,
      signal,
    }),
    dereference: false,
  };
}

/** A path that is a link stands for what it leads to, as a folder's does. */
function fileSource(path: string, isLink: boolean): Source {
  const absolute = resolve(path);
  return {
    directory: dirname(absolute),
    walk: { names: bytesOf(`./${basename(absolute)}\0`), count: () => 1 },
    dereference: isLink,
  };
}

interface Identity {
  readonly isFolder: boolean;
  readonly isLink: boolean;
  readonly device: bigint;
  readonly inode: bigint;
}

/** @throws SourceError when there is nothing at `path`, or nothing that can be stored */
export async function identify(path: string): Promise<Identity> {
  try {
    const link = await lstat(resolve(path));
    const target = await stat(resolve(path), { bigint: true });
    if (target.isSocket())
      throw new SourceError("SOURCE_EMPTY", `${path} is a socket, of which there is nothing to store`);
    return { isFolder: target.isDirectory(), isLink: link.isSymbolicLink(), device: target.dev, inode: target.ino };
  } catch (error) {
    throw error instanceof SourceError ? error : notHad(path, error);
  }
}

/** Asked before tar is started: both it and the walk would fail, and which one is heard first would be chance. */
async function assertListable(path: string): Promise<void> {
  try {
    const folder = await opendir(resolve(path));
    await folder.close();
  } catch (error) {
    throw notHad(path, error);
  }
}

function notHad(path: string, error: unknown): SourceError {
  const systemCode = error instanceof Error && "code" in error ? String(error.code) : "";
  const { code, what } = ABSENT[systemCode] ?? { code: "SOURCE_FAILED", what: `cannot be read: ${error}` };
  return new SourceError(code, `${path} ${what}`, { cause: error });
}

const ABSENT: Readonly<Record<string, { readonly code: ErrorCode; readonly what: string }>> = {
  ENOENT: { code: "SOURCE_NOT_FOUND", what: "does not exist" },
  ENOTDIR: { code: "SOURCE_NOT_FOUND", what: "does not exist: a part of it is no folder" },
  ELOOP: { code: "SOURCE_NOT_FOUND", what: "is a link that leads in a circle" },
  EACCES: { code: "SOURCE_FORBIDDEN", what: "may not be read by this user" },
  EPERM: { code: "SOURCE_FORBIDDEN", what: "may not be read by this user" },
};

/** Exit code 1 is "some files differ", 2 any error: which one, only the messages tell. */
function judge(path: string, exit: Exit, report: ReadingReport): void {
  if (exit.signal !== null) throw new SourceError("SOURCE_FAILED", `${path}: tar was ended by ${exit.signal}`);
  if (report.fatal.count > 0) throw new SourceError("SOURCE_FAILED", `${path}: tar says: ${report.fatal.summary()}`);
  const explained = report.changed.count + report.vanished.count + report.unreadable.count;
  if (exit.code === 0 || (explained > 0 && (exit.code === 1 || exit.code === 2))) return;
  throw new SourceError("SOURCE_FAILED", `${path}: tar ended with exit code ${exit.code} and did not say why`);
}

/** Whatever tar was told to store and did not, it must have named. */
function checkCount(path: string, named: number, stored: number, report: ReadingReport): void {
  const excused = report.vanished.count + report.unreadable.count + report.sockets.count;
  if (stored <= named && named - stored <= excused) return;
  throw new SourceError(
    "SOURCE_FAILED",
    `${path}: ${named} names were given to tar, ${stored} entries came, and ${excused} were excused`,
  );
}

/** A file system that was unmounted half-way looks like files that vanished. */
async function checkPresence(path: string, before: Identity): Promise<void> {
  const after = await identify(path);
  if (!before.isFolder || (after.device === before.device && after.inode === before.inode)) return;
  throw new SourceError("SOURCE_FAILED", `${path} is not the same folder any more as when its reading began`);
}
