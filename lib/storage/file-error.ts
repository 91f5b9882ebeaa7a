import { constants } from "node:os";
import { CodedError, NotFoundError, StorageError, TransientError } from "../errors.ts";
import { describeFreeSpace, freeSpace } from "./free-space.ts";

const TRANSIENT = new Set([
  "EIO",
  "ESTALE",
  "ETIMEDOUT",
  "EAGAIN",
  "EINTR",
  "EBUSY",
  "EMFILE",
  "ENFILE",
  "ENOLINK",
  "ECONNRESET",
]);
const SENTENCES = new Map([
  ["ENAMETOOLONG", "the name is longer than this file system takes"],
  ["EFBIG", "the file is larger than this file system takes"],
  ["ENOTDIR", "a part of the path is a file where a folder is needed"],
  ["EISDIR", "there is a folder where a file is needed"],
  ["ELOOP", "a part of the path is a symbolic link, which the storage does not follow"],
]);

/** Awaits a system call on a file of the storage; its failure names what was done, to which path, and why it failed. */
export async function onFile<T>(doing: string, path: string, call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (error) {
    throw await fileError(doing, path, error);
  }
}

/** @returns a NotFoundError, TransientError or StorageError; what has a code of ours already is left as it is */
export async function fileError(doing: string, path: string, error: unknown): Promise<Error> {
  if (error instanceof CodedError) return error;
  const name = errnoName(error);
  const at = `${doing}: ${path}`;
  switch (name) {
    case "ENOENT":
      return new NotFoundError(`${at}: there is no such file`, { cause: error });
    case "ENOSPC":
      return new StorageError("STORAGE_FULL", `${at}: no space left: ${await left(path)}`, { cause: error });
    case "EDQUOT":
      return new StorageError("STORAGE_FULL", `${at}: the quota is used up (file system: ${await left(path)})`, {
        cause: error,
      });
    case "EACCES":
    case "EPERM":
      return new StorageError("STORAGE_FORBIDDEN", `${at}: permission denied (${name})`, { cause: error });
    case "EROFS":
      return new StorageError("STORAGE_FORBIDDEN", `${at}: the file system is mounted read-only`, { cause: error });
    case "ELOOP":
      return new StorageError("STORAGE_FORBIDDEN", `${at}: ${SENTENCES.get(name)}`, { cause: error });
    case undefined:
      return error instanceof Error ? error : new Error(String(error));
    default: {
      const message = `${at}: ${SENTENCES.get(name) ?? systemMessage(error)}`;
      const options = { cause: error };
      return TRANSIENT.has(name)
        ? new TransientError("STORAGE_FAILED", message, options)
        : new StorageError("STORAGE_FAILED", message, options);
    }
  }
}

/** `ENOENT`, also for those that libuv has no name for (`Unknown system error -122` is EDQUOT). */
export function errnoName(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("errno" in error) || typeof error.errno !== "number") return undefined;
  const { errno } = error;
  const known = Object.entries(constants.errno).find(([, number]) => number === -errno);
  return known?.[0] ?? ("code" in error ? String(error.code) : undefined);
}

async function left(path: string): Promise<string> {
  try {
    return describeFreeSpace(await freeSpace(path));
  } catch {
    return "how much is free could not be found out";
  }
}

/** `EIO: i/o error`; Node's own message repeats the call and the path. */
function systemMessage(error: unknown): string {
  return error instanceof Error ? error.message.replace(/, \w+( '.*')?$/s, "") : String(error);
}
