import type { Bytes } from "../../lib/bytes.ts";
import { release } from "../../lib/storage/body.ts";
import type { Storage } from "../../lib/storage/storage.ts";

export type StorageMethod = keyof Storage;

/** What goes wrong in the `call`-th call of a method, counted from 1; in every call without one; only for `key` with one. */
export type Fault = { readonly on: StorageMethod; readonly call?: number; readonly key?: string | RegExp } & (
  | { readonly do: "fail"; readonly error: Error; readonly when: "before" | "after" }
  | { readonly do: "wait"; readonly until: () => Promise<void> }
  /** Of `get`: gives only the first bytes and then fails, or simply ends where there is no error, as no storage may. */
  | { readonly do: "cut"; readonly afterBytes: number; readonly error?: Error }
  /** Of `get`: turns over one bit. */
  | { readonly do: "flip"; readonly atByte: number }
  /** Of `list` and `folders`: gives so many entries and then fails. */
  | { readonly do: "break"; readonly afterEntries: number; readonly error: Error }
);

export interface FaultyStorage extends Storage {
  /** Every call so far, as `put some/key`. */
  readonly calls: readonly string[];
}

/** A storage that fails by plan: what takes effect "before" the failure does so in `inner`, as when an answer is lost. */
export function faultyStorage(inner: Storage, plan: readonly Fault[] = []): FaultyStorage {
  const calls: string[] = [];
  const counts = new Map<StorageMethod, number>();

  const faultsOf = (on: StorageMethod, key: string): readonly Fault[] => {
    calls.push(`${on} ${key}`.trimEnd());
    const call = (counts.get(on) ?? 0) + 1;
    counts.set(on, call);
    return plan.filter((fault) => fault.on === on && (fault.call ?? call) === call && matches(fault.key, key));
  };

  async function faulty<T>(faults: readonly Fault[], work: () => Promise<T>): Promise<T> {
    for (const fault of faults) if (fault.do === "wait") await fault.until();
    failIf(faults, "before");
    const result = await work();
    failIf(faults, "after");
    return result;
  }

  async function* faultyList<T>(faults: readonly Fault[], list: () => AsyncIterable<T>): AsyncIterable<T> {
    for (const fault of faults) if (fault.do === "wait") await fault.until();
    failIf(faults, "before");
    const broken = faults.find((fault) => fault.do === "break");
    let given = 0;
    for await (const entry of list()) {
      if (broken !== undefined && given >= broken.afterEntries) throw broken.error;
      given += 1;
      yield entry;
    }
    if (broken !== undefined) throw broken.error;
    failIf(faults, "after");
  }

  return {
    calls,
    prepare: (owned) => faulty(faultsOf("prepare", ""), () => inner.prepare(owned)),
    async put(key, body, options) {
      const faults = faultsOf("put", key);
      let begun = false;
      try {
        return await faulty(faults, () => {
          begun = true;
          return inner.put(key, body, options);
        });
      } catch (error) {
        if (!begun) await release(body);
        throw error;
      }
    },
    async get(key) {
      const faults = faultsOf("get", key);
      const bytes = await faulty(faults, () => inner.get(key));
      return faults.reduce(damaged, bytes);
    },
    read: (key, maxBytes) => faulty(faultsOf("read", key), () => inner.read(key, maxBytes)),
    head: (key) => faulty(faultsOf("head", key), () => inner.head(key)),
    list: (prefix) => faultyList(faultsOf("list", prefix), () => inner.list(prefix)),
    folders: (prefix) => faultyList(faultsOf("folders", prefix), () => inner.folders(prefix)),
    copy: (from, to) => faulty(faultsOf("copy", from), () => inner.copy(from, to)),
    remove: (keys) => faulty(faultsOf("remove", keys[0] ?? ""), () => inner.remove(keys)),
  };
}

function failIf(faults: readonly Fault[], when: "before" | "after"): void {
  const fault = faults.find((each) => each.do === "fail" && each.when === when);
  if (fault?.do === "fail") throw fault.error;
}

function matches(wanted: string | RegExp | undefined, key: string): boolean {
  if (wanted === undefined) return true;
  return typeof wanted === "string" ? wanted === key : wanted.test(key);
}

function damaged(bytes: Bytes, fault: Fault): Bytes {
  if (fault.do === "cut") return cut(bytes, fault.afterBytes, fault.error);
  if (fault.do === "flip") return flipped(bytes, fault.atByte);
  return bytes;
}

async function* cut(bytes: Bytes, afterBytes: number, error: Error | undefined): Bytes {
  let left = afterBytes;
  for await (const chunk of bytes) {
    if (left > 0) yield chunk.subarray(0, left);
    left -= chunk.byteLength;
    if (left < 0) break;
  }
  if (error !== undefined) throw error;
}

async function* flipped(bytes: Bytes, atByte: number): Bytes {
  let start = 0;
  for await (const chunk of bytes) {
    const copy = Uint8Array.from(chunk);
    const index = atByte - start;
    if (index >= 0 && index < copy.byteLength) copy[index] = (copy[index] ?? 0) ^ 1;
    start += chunk.byteLength;
    yield copy;
  }
}
