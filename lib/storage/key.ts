/** What a storage keeps for itself: no part of a key begins like this, so a file in the making is never an object. */
export const RESERVED_PREFIX = ".core-backup-tmp-";

/** Every storage takes the same keys, so that what works on one works on all. @throws Error: a wrong key is a fault of ours */
export function checkKey(key: string): void {
  if (!isKey(key)) throw new Error(`not a storage key: ${JSON.stringify(key)}`);
}

/** Whether a name that was found in a store can be one of ours. */
export const isKey = (key: string): boolean => key.split("/").every(isPart);

/** A prefix for `list`: folders as in a key, then anything a name may begin with. @throws Error */
export function checkPrefix(prefix: string): void {
  const parts = prefix.split("/");
  const last = parts.pop() ?? "";
  if (last.includes("\0") || !parts.every(isPart)) throw new Error(`not a storage prefix: ${JSON.stringify(prefix)}`);
}

/** A prefix for `folders`, which is empty or ends in `/`. @throws Error */
export function checkFolderPrefix(prefix: string): void {
  if (prefix !== "" && !prefix.endsWith("/")) throw new Error(`not a folder's prefix: ${JSON.stringify(prefix)}`);
  checkPrefix(prefix);
}

/** The order of keys everywhere: by UTF-16 unit, never by the locale. */
export const byUtf16 = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

function isPart(part: string): boolean {
  return part !== "" && part !== "." && part !== ".." && !part.includes("\0") && !part.startsWith(RESERVED_PREFIX);
}
