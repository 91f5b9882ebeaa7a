import type { Bytes } from "../bytes.ts";
import { NotFoundError, StorageError } from "../errors.ts";
import type { PutOptions } from "./storage.ts";

/** Passes `body` on, and throws at its end, or as soon as it is too long, unless it has exactly `expectedBytes`. */
export async function* ofLength(key: string, body: Bytes, expectedBytes: number | undefined): Bytes {
  let total = 0;
  for await (const chunk of body) {
    total += chunk.byteLength;
    if (expectedBytes !== undefined && total > expectedBytes)
      throw wrongLength(key, `more than ${expectedBytes}`, expectedBytes);
    yield chunk;
  }
  if (expectedBytes !== undefined && total !== expectedBytes) throw wrongLength(key, `${total}`, expectedBytes);
}

/** The body, after whose last byte `then` is awaited: what it throws ends the body with an error. */
export async function* endingWith(body: Bytes, then: (() => Promise<void>) | undefined): Bytes {
  yield* body;
  await then?.();
}

/** Lets go of a body that will not be read: an open file or connection behind it is closed. */
export async function release(body: Bytes): Promise<void> {
  try {
    await body[Symbol.asyncIterator]().return?.();
  } catch {
    // Why it is not read counts, and that error is on its way.
  }
}

/** Awaits what must hold before `body` is read, and lets go of it when that throws. */
export async function orRelease(before: Promise<void>, body: Bytes): Promise<void> {
  try {
    await before;
  } catch (error) {
    await release(body);
    throw error;
  }
}

export const alreadyExists = (key: string, cause?: unknown): StorageError =>
  new StorageError("STORAGE_EXISTS", `${key} exists already`, { cause });

export const hasChanged = (key: string, cause?: unknown): StorageError =>
  new StorageError("STORAGE_CHANGED", `${key} is not what it was: someone else has written it since`, { cause });

/** @throws Error: two conditions that exclude each other are a fault of ours */
export function checkConditions(key: string, options: PutOptions): void {
  if (options.ifAbsent === true && options.ifMatch !== undefined)
    throw new Error(`${key}: ifAbsent and ifMatch exclude each other`);
}

export const notFound = (key: string, cause?: unknown): NotFoundError =>
  new NotFoundError(`${key} is not in the storage`, { cause });

function wrongLength(key: string, got: string, expected: number): StorageError {
  return new StorageError("STORAGE_FAILED", `${key}: got ${got} bytes, but ${expected} were announced`);
}
