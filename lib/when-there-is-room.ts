import { StorageError } from "./errors.ts";

/**
 * For what is to be written beside removals: at once, but on a full disk as soon as a removal has made room. `write` is called again
 * then, before any that is given later, and `full` once, the first time that there is no room.
 */
export function whenThereIsRoom(full: (error: StorageError) => void) {
  const owed: (() => Promise<void>)[] = [];
  let isTold = false;
  /** Without a `write`, for what is still owed. @throws what a `write` throws, but for STORAGE_FULL */
  return async (write?: () => Promise<void>): Promise<void> => {
    if (write !== undefined) owed.push(write);
    try {
      for (let next = owed[0]; next !== undefined; next = owed[0]) {
        await next();
        owed.shift();
      }
    } catch (error) {
      if (!(error instanceof StorageError) || error.code !== "STORAGE_FULL") throw error;
      if (!isTold) full(error);
      isTold = true;
    }
  };
}
