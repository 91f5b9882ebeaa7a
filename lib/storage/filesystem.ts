import { createHash } from "node:crypto";
import { constants } from "node:fs";
import { type FileHandle, link, lstat, open, rename, stat, unlink } from "node:fs/promises";
import { join, resolve } from "node:path";
import { type Bytes, type Measurement, measure } from "../bytes.ts";
import { IntegrityError, NotFoundError, StorageError, TransientError } from "../errors.ts";
import { alreadyExists, checkConditions, endingWith, hasChanged, notFound, ofLength, release } from "./body.ts";
import { type Checked, readContent, readWhole, writeContent } from "./file-content.ts";
import { errnoName, onFile } from "./file-error.ts";
import { checkFolderPrefix, checkKey, checkPrefix } from "./key.ts";
import { prepareBase } from "./prepare-base.ts";
import { hasNoLink, publishNew, publishOver } from "./publish.ts";
import { readBack } from "./read-back.ts";
import type { ConfirmedObject, CopyOptions, PutOptions, Storage, StoredDocument, StoredObject } from "./storage.ts";
import { parentOf, storeFolders, syncFolder } from "./store-folders.ts";
import { walkFolders, walkObjects } from "./store-walk.ts";
import { temporaryName } from "./temporary.ts";

export interface FilesystemStorageOptions {
  /** Made by `prepare` if absent. It may be a symbolic link; below it none is followed. */
  readonly basePath: string;
}

/** A writer can lose its folder to someone who removes empty ones between making it and using it; not this often. */
const FOLDER_ATTEMPTS = 20;

/**
 * Objects as files below a folder, 0600 in folders of 0700. An object is written under a temporary name beside its
 * final one, synced, read back, and only then given its final name; folders are synced as well, so that what `put`
 * confirmed is there after a power failure. docs/storage.md tells all of it.
 */
export function filesystemStorage(options: FilesystemStorageOptions): Storage {
  const base = resolve(options.basePath);
  const folders = storeFolders(base);
  const pathOf = (key: string) => join(base, key);

  async function head(key: string): Promise<StoredObject | undefined> {
    checkKey(key);
    const doing = `looking for ${key}`;
    if (!(await folders.exists(doing, parentOf(key)))) return undefined;
    try {
      const found = await lstat(pathOf(key));
      return found.isFile() ? { key, bytes: found.size } : undefined;
    } catch (error) {
      if (errnoName(error) === "ENOENT" || errnoName(error) === "ENOTDIR") return undefined;
      return onFile(doing, pathOf(key), Promise.reject(error));
    }
  }

  async function get(key: string): Promise<Bytes> {
    if ((await head(key)) === undefined) throw notFound(key);
    const path = pathOf(key);
    // At the first piece and not before, so that a body nobody reads holds no file open.
    const doing = `reading ${key}`;
    const opening = () => onFile(doing, path, open(path, constants.O_RDONLY | constants.O_NOFOLLOW));
    return readContent(opening, doing, path);
  }

  /** A version is the content's SHA-256: nothing else tells two writings apart on every file system. */
  async function read(key: string, maxBytes: number): Promise<StoredDocument> {
    checkKey(key);
    const doing = `reading ${key}`;
    if (!(await folders.exists(doing, parentOf(key)))) throw notFound(key);
    const content = await readWhole(doing, pathOf(key), maxBytes);
    if (content === undefined) throw notFound(key);
    return { content, version: createHash("sha256").update(content).digest("hex") };
  }

  /**
   * Before a name is told as taken: who took it may be an earlier attempt of the caller's own, of which only the last sync
   * failed, and who then finds its bytes there counts on them.
   */
  async function lasting(key: string, refusal: Error): Promise<Error> {
    const folder = join(base, parentOf(key));
    await onFile(`storing ${key}`, folder, syncFolder(folder)).catch((error: unknown) => {
      // Removed since, and so nobody's to count on.
      if (!(error instanceof NotFoundError)) throw error;
    });
    return refusal;
  }

  async function put(key: string, body: Bytes, options: PutOptions = {}): Promise<ConfirmedObject> {
    const { ifAbsent = false, ifMatch, expectedBytes } = options;
    checkKey(key);
    checkConditions(key, options);
    const doing = `storing ${key}`;
    let made: { readonly temporary: string; readonly file: FileHandle };
    try {
      if (ifAbsent && (await head(key)) !== undefined) throw await lasting(key, alreadyExists(key));
      if (ifMatch !== undefined && (await head(key)) === undefined) throw hasChanged(key);
      made = await inFolder(doing, parentOf(key), async (temporary) => ({
        temporary,
        file: await open(temporary, "wx", 0o600),
      }));
    } catch (error) {
      await release(body);
      throw error;
    }
    const { temporary, file } = made;
    return orCleanUp(temporary, key, async () => {
      const stored = await writeAndReadBack(file, doing, temporary, ofLength(key, body, expectedBytes));
      if (ifAbsent) {
        if (!(await onFile(doing, pathOf(key), publishNew(temporary, pathOf(key)))))
          throw await lasting(key, alreadyExists(key));
      } else if (ifMatch !== undefined) {
        if (!(await onFile(doing, pathOf(key), publishOver(temporary, pathOf(key), ifMatch))))
          throw await lasting(key, hasChanged(key));
      } else {
        await onFile(doing, pathOf(key), rename(temporary, pathOf(key)));
      }
      return { key, bytes: stored.bytes, sha256: stored.sha256, version: stored.sha256 };
    });
  }

  async function copy(from: string, to: string, options: CopyOptions = {}): Promise<StoredObject> {
    const { ifAbsent = false, beforeLast } = options;
    checkKey(to);
    const source = await head(from);
    if (source === undefined) throw notFound(from);
    if (from === to) return source;
    const doing = `copying ${from} to ${to}`;
    let temporary: string;
    try {
      temporary = await inFolder(doing, parentOf(to), async (path) => {
        await link(pathOf(from), path);
        return path;
      });
    } catch (error) {
      if (error instanceof Error && hasNoLink(error.cause)) return copyBytes(from, to, options);
      throw (await head(from)) === undefined ? notFound(from, error) : error;
    }
    return orCleanUp(temporary, to, async () => {
      await beforeLast?.();
      if (ifAbsent) {
        if (await onFile(doing, pathOf(to), publishNew(temporary, pathOf(to)))) return { key: to, bytes: source.bytes };
        throw await lasting(to, alreadyExists(to));
      }
      // Renaming onto another name of the same file does nothing at all (rename(2)): orCleanUp removes what is left.
      await onFile(doing, pathOf(to), rename(temporary, pathOf(to)));
      return { key: to, bytes: source.bytes };
    });
  }

  async function copyBytes(
    from: string,
    to: string,
    { ifAbsent = false, beforeLast }: CopyOptions,
  ): Promise<StoredObject> {
    const original = measure(await get(from));
    const { bytes, sha256 } = await put(to, endingWith(original.bytes, beforeLast), { ifAbsent });
    if (original.result().sha256 === sha256) return { key: to, bytes };
    throw new IntegrityError("INTEGRITY_MISMATCH", `${to} differs from ${from}, of which it is a copy`);
  }

  async function remove(keys: readonly string[]): Promise<void> {
    keys.forEach(checkKey);
    let last: string | undefined;
    for (const key of keys) {
      const folder = parentOf(key);
      // The order must also hold after a power failure, and only a sync orders what lies in different folders.
      if (last !== undefined && last !== folder) await settle(last);
      last = folder;
      if (!(await folders.exists(`removing ${key}`, folder))) continue;
      await unlinkIfThere(`removing ${key}`, pathOf(key));
    }
    if (last !== undefined) await settle(last);
  }

  /** After removals in `folder`: it and those above go if they are empty, and what stays is synced. */
  async function settle(folder: string): Promise<void> {
    if (!(await folders.exists(`removing from ${folder}`, folder))) return;
    const remaining = join(base, await folders.removeEmpty(folder));
    try {
      await syncFolder(remaining);
    } catch (error) {
      if (errnoName(error) !== "ENOENT") await onFile("removing", remaining, Promise.reject(error));
    }
  }

  /** Makes a temporary file by `make` in `folder`, which others may remove as long as it is empty. */
  async function inFolder<T>(doing: string, folder: string, make: (temporary: string) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt += 1) {
      const temporary = join(base, folder, temporaryName());
      try {
        await folders.make(doing, folder);
        return await onFile(doing, temporary, make(temporary));
      } catch (error) {
        if (!(error instanceof NotFoundError)) {
          await folders.removeEmpty(folder);
          throw error;
        }
        folders.forget();
        if (attempt < FOLDER_ATTEMPTS && (await isThere(base))) continue;
        throw new StorageError(
          "STORAGE_FAILED",
          `${doing}: ${join(base, folder)} cannot be made, or vanishes again and again`,
          { cause: error },
        );
      }
    }
  }

  /** Syncs the folder after `publish`. Whatever happens, the temporary name is gone afterwards. */
  async function orCleanUp<T>(temporary: string, key: string, publish: () => Promise<T>): Promise<T> {
    const folder = parentOf(key);
    try {
      const published = await publish();
      await unlinkIfThere(`storing ${key}`, temporary);
      await onFile(`storing ${key}`, join(base, folder), syncFolder(join(base, folder)));
      return published;
    } catch (error) {
      // What cannot be removed now is swept before a later run.
      const wasSwept = await unlink(temporary).then(
        () => false,
        (failed: unknown) => errnoName(failed) === "ENOENT",
      );
      await folders.removeEmpty(folder);
      if (!wasSwept || !(error instanceof NotFoundError)) throw error;
      throw new TransientError(
        "STORAGE_FAILED",
        `storing ${key}: a process that took over removed what was in the making`,
        {
          cause: error,
        },
      );
    }
  }

  return {
    prepare: (owned) => prepareBase(base, folders, owned),
    put,
    get,
    read,
    head,
    async *list(prefix) {
      checkPrefix(prefix);
      const folder = parentOf(prefix);
      if (await folders.exists(`listing ${prefix}`, folder))
        yield* walkObjects(base, folder === "" ? "" : `${folder}/`, prefix);
    },
    async *folders(prefix, { orEmpty = false } = {}) {
      checkFolderPrefix(prefix);
      if (await folders.exists(`listing ${prefix}`, parentOf(prefix))) yield* walkFolders(base, prefix, orEmpty);
    },
    copy,
    remove,
  };
}

/** What lies in the file, which is what `body` gave: anything else is thrown. */
async function writeAndReadBack(file: FileHandle, doing: string, path: string, body: Bytes): Promise<Measurement> {
  const back = readBack(doing, path);
  try {
    const given = await writeContent(file, doing, path, body, back.reached);
    const stored = await back.end(given.bytes);
    refuseOther(doing, stored, given);
    return stored;
  } finally {
    await back.close();
  }
}

function refuseOther(doing: string, stored: Checked, given: Checked): void {
  if (stored.bytes !== given.bytes) {
    const message = `${doing}: ${given.bytes} bytes were written and ${stored.bytes} were read back`;
    throw new IntegrityError("INTEGRITY_MISMATCH", message);
  }
  if (stored.crc32 === given.crc32) return;
  throw new IntegrityError("INTEGRITY_MISMATCH", `${doing}: other bytes were read back than were written`);
}

async function unlinkIfThere(doing: string, path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    // Linux says EISDIR for a folder: there is no object of that name.
    if (errnoName(error) !== "ENOENT" && errnoName(error) !== "EISDIR")
      await onFile(doing, path, Promise.reject(error));
  }
}

async function isThere(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch {
    return false;
  }
}
