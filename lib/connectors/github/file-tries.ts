import { TransientError } from "../../errors.ts";
import { backOff, type RetryOptions } from "../../retry.ts";
import type { Item } from "../connector.ts";

/** How files of one kind are tried again for faults that pass: one broken download is no reason to begin a repository anew. */
export interface FileTries {
  /** Yields the item, and again each time that it failed. */
  item(item: Item): AsyncGenerator<Item>;
  call<T>(work: () => Promise<T>): Promise<T>;
}

/** After so many in a row that did not come however long one waited, nobody waits for the next ones. */
const LOST_IN_A_ROW = 3;

/**
 * What the server asks for by `Retry-After` is waited for, on top of a back-off. Where it is down for good, each of thousands of files would be waited
 * for in vain: then each is asked for once, until one comes.
 */
export function fileTries(options: RetryOptions): FileTries {
  let lost = 0;

  /** Waits for the next try. @throws what it was given, where there is none */
  async function failed(attempt: number, error: unknown): Promise<void> {
    if (!(error instanceof TransientError) || options.unless?.(error) === true) throw error;
    if (attempt >= (lost < LOST_IN_A_ROW ? options.attempts : 1)) {
      lost += 1;
      throw error;
    }
    await backOff(attempt, error, options);
  }

  return {
    async *item(item) {
      for (let attempt = 1; ; attempt += 1) {
        try {
          yield item;
          break;
        } catch (error) {
          await failed(attempt, error);
        }
      }
      lost = 0;
    },
    async call(work) {
      for (let attempt = 1; ; attempt += 1) {
        try {
          const result = await work();
          lost = 0;
          return result;
        } catch (error) {
          await failed(attempt, error);
        }
      }
    },
  };
}
