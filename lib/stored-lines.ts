import { lineTexts } from "./bytes.ts";
import { IntegrityError } from "./errors.ts";
import type { Storage } from "./storage/storage.ts";

/**
 * The lines of a document of ours, one at a time, each with its place for an error. None may be longer than `limit` bytes.
 * @throws NotFoundError | StorageError | TransientError; IntegrityError `INTEGRITY_MANIFEST` for a line without an end
 */
export async function* storedLines(
  storage: Storage,
  key: string,
  limit: number,
): AsyncGenerator<{ readonly text: string; readonly where: string }> {
  let number = 0;
  try {
    for await (const text of lineTexts(await storage.get(key), limit)) {
      number += 1;
      yield { text, where: `${key}:${number}` };
    }
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new IntegrityError("INTEGRITY_MANIFEST", `a line of ${key} has no end`, { cause: error });
  }
}
