import { isDeepStrictEqual } from "node:util";
import { type Bytes, bytesOf, readAll } from "../../lib/bytes.ts";
import { release } from "../../lib/storage/body.ts";
import { byUtf16 } from "../../lib/storage/key.ts";
import type { Storage, StoredObject } from "../../lib/storage/storage.ts";

export type StorageMethod = keyof Storage;

/**
 * What goes wrong in the `call`-th call of a method, counted from 1, or in all from the `from`-th on; in every call
 * without either; only for `key` with one.
 */
export type Fault = {
  readonly on: StorageMethod;
  readonly call?: number;
  readonly from?: number;
  readonly key?: string | RegExp;
} & (
  | { readonly do: "fail"; readonly error: Error; readonly when: "before" | "after" }
  | { readonly do: "wait"; readonly until: () => Promise<void> }
  /** Of `get` and `read`: gives only the first bytes and then fails, or simply ends where there is no error, as no storage may. */
  | { readonly do: "cut"; readonly afterBytes: number; readonly error?: Error }
  /** Of `get` and `read`: simply ends behind the line in which that byte is, so that what was given is whole lines. */
  | { readonly do: "end"; readonly atByte: number }
  /** Of `get` and `read`: turns over one bit on the way. Of `put`: one bit of what is stored, after it was confirmed. Of `copy`: one bit of the copy, which is not confirmed. */
  | { readonly do: "flip"; readonly atByte: number }
  /** Of `put` and `copy`: what was stored, and confirmed, is gone right afterwards. */
  | { readonly do: "vanish" }
  /** Of `put`: takes only the first bytes of the body and then fails. */
  | { readonly do: "choke"; readonly afterBytes: number; readonly error: Error }
  /** Of `list` and `folders`: knows nothing of what this process has stored or removed. */
  | { readonly do: "stale" }
  /** Of `list` and `folders`: gives so many entries and then fails. */
  | { readonly do: "break"; readonly afterEntries: number; readonly error: Error }
);

export interface FaultyStorage extends Storage {
  /** Every call so far, as `put some/key`. */
  readonly calls: readonly string[];
  /** The same as method and the how-manieth call of it, which is what a Fault is bound to. */
  readonly callsByMethod: readonly (readonly [StorageMethod, number])[];
  /** Those of the plan that changed something: not one whose call never came, nor one that left all as it was. */
  readonly struck: ReadonlySet<Fault>;
  /** Keys of objects of which a bit was turned over where they lie. */
  readonly rotten: ReadonlySet<string>;
}

const NEWLINE = 10;

type Strike = (fault: Fault) => void;

/** A storage that fails by plan: what takes effect "before" the failure does so in `inner`, as when an answer is lost. */
export function faultyStorage(inner: Storage, plan: readonly Fault[] = []): FaultyStorage {
  const calls: string[] = [];
  const callsByMethod: [StorageMethod, number][] = [];
  const past = pastOf(inner);
  const counts = new Map<StorageMethod, number>();
  const struck = new Set<Fault>();
  const rotten = new Set<string>();
  const strike: Strike = (fault) => struck.add(fault);

  const faultsOf = (on: StorageMethod, key: string): readonly Fault[] => {
    calls.push(`${on} ${key}`.trimEnd());
    const call = (counts.get(on) ?? 0) + 1;
    counts.set(on, call);
    callsByMethod.push([on, call]);
    const isDue = (fault: Fault) => (fault.call ?? call) === call && (fault.from ?? 1) <= call;
    return plan.filter((fault) => fault.on === on && isDue(fault) && matches(fault.key, key));
  };

  /** To what was stored just now. */
  async function harm(key: string, faults: readonly Fault[]): Promise<void> {
    for (const fault of faults) {
      if (fault.do === "flip" && (await flipStored(inner, key, fault, strike))) rotten.add(key);
      if (fault.do !== "vanish") continue;
      await inner.remove([key]);
      strike(fault);
    }
  }

  async function faulty<T>(faults: readonly Fault[], work: () => Promise<T>): Promise<T> {
    await waitFor(faults, strike);
    failIf(faults, "before", strike);
    const result = await work();
    failIf(faults, "after", strike);
    return result;
  }

  async function* faultyList<T>(faults: readonly Fault[], list: () => AsyncIterable<T>): AsyncIterable<T> {
    await waitFor(faults, strike);
    failIf(faults, "before", strike);
    const broken = faults.find((fault) => fault.do === "break");
    let given = 0;
    for await (const entry of list()) {
      if (broken !== undefined && given >= broken.afterEntries) break;
      given += 1;
      yield entry;
    }
    if (broken !== undefined) {
      strike(broken);
      throw broken.error;
    }
    failIf(faults, "after", strike);
  }

  return {
    calls,
    callsByMethod,
    struck,
    rotten,
    prepare: (owned) => faulty(faultsOf("prepare", ""), () => inner.prepare(owned)),
    async put(key, body, options) {
      const faults = faultsOf("put", key);
      let begun = false;
      try {
        return await faulty(faults, async () => {
          begun = true;
          past.changes(key);
          const stored = await inner.put(key, choked(body, faults, strike), options);
          await harm(key, faults);
          return stored;
        });
      } catch (error) {
        if (!begun) await release(body);
        throw error;
      }
    },
    async get(key) {
      const faults = faultsOf("get", key);
      const bytes = await faulty(faults, () => inner.get(key));
      const length = faults.some(isWithin) ? ((await inner.head(key))?.bytes ?? 0) : 0;
      return damaged(bytes, faults, length, strike);
    },
    async read(key, maxBytes) {
      const faults = faultsOf("read", key);
      const found = await faulty(faults, () => inner.read(key, maxBytes));
      const content = await readAll(
        damaged(bytesOf(found.content), faults, found.content.byteLength, strike),
        maxBytes,
      );
      return { ...found, content };
    },
    head: (key) => faulty(faultsOf("head", key), () => inner.head(key)),
    list(prefix) {
      const faults = faultsOf("list", prefix);
      return faultyList(faults, () => staleOrNot(faults, past.list(prefix), inner.list(prefix), strike));
    },
    folders(prefix) {
      const faults = faultsOf("folders", prefix);
      return faultyList(faults, () => staleOrNot(faults, past.folders(prefix), inner.folders(prefix), strike));
    },
    copy(from, to, options) {
      const faults = faultsOf("copy", from);
      return faulty(faults, async () => {
        past.changes(to);
        const copied = await inner.copy(from, to, options);
        await harm(to, faults);
        return rotten.has(to) ? { ...copied, unconfirmed: true } : copied;
      });
    },
    remove: (keys) =>
      faulty(faultsOf("remove", keys[0] ?? ""), async () => {
        for (const key of keys) past.removes(await inner.head(key));
        return inner.remove(keys);
      }),
  };
}

/** A listing that lags behind is a fault where it shows something else. */
async function* staleOrNot<T>(
  faults: readonly Fault[],
  past: AsyncIterable<T>,
  now: AsyncIterable<T>,
  strike: Strike,
): AsyncIterable<T> {
  const stale = faults.find((fault) => fault.do === "stale");
  if (stale === undefined) {
    yield* now;
    return;
  }
  const before = await Array.fromAsync(past);
  if (!isDeepStrictEqual(before, await Array.fromAsync(now))) strike(stale);
  yield* before;
}

/** The storage as it was before this process changed anything in it, as listings that lag behind show it. */
function pastOf(inner: Storage) {
  const stored = new Set<string>();
  const removed = new Map<string, StoredObject>();

  async function list(prefix: string): Promise<StoredObject[]> {
    const here = (await Array.fromAsync(inner.list(prefix))).filter(({ key }) => !stored.has(key));
    const gone = [...removed.values()].filter(({ key }) => key.startsWith(prefix));
    return [...here, ...gone].sort((a, b) => byUtf16(a.key, b.key));
  }

  return {
    changes(key: string) {
      stored.add(key);
    },
    removes(object: StoredObject | undefined) {
      if (object !== undefined && !stored.has(object.key)) removed.set(object.key, object);
    },
    async *list(prefix: string): AsyncIterable<StoredObject> {
      yield* await list(prefix);
    },
    async *folders(prefix: string): AsyncIterable<string> {
      const below = (await list(prefix)).map(({ key }) => key.slice(prefix.length).split("/"));
      yield* new Set(below.flatMap(([name, ...rest]) => (name === undefined || rest.length === 0 ? [] : [name])));
    },
  };
}

/** By the storage itself, for only it knows how to change what it holds. */
async function flipStored(
  inner: Storage,
  key: string,
  fault: Fault & { do: "flip" },
  strike: Strike,
): Promise<boolean> {
  const content = await readAll(await inner.get(key), Number.MAX_SAFE_INTEGER);
  if (content.byteLength === 0) return false;
  await inner.put(
    key,
    flipped(bytesOf(content), fault.atByte % content.byteLength, () => strike(fault)),
  );
  return true;
}

async function waitFor(faults: readonly Fault[], strike: Strike): Promise<void> {
  for (const fault of faults) {
    if (fault.do !== "wait") continue;
    strike(fault);
    await fault.until();
  }
}

function failIf(faults: readonly Fault[], when: "before" | "after", strike: Strike): void {
  const fault = faults.find((each) => each.do === "fail" && each.when === when);
  if (fault?.do !== "fail") return;
  strike(fault);
  throw fault.error;
}

function matches(wanted: string | RegExp | undefined, key: string): boolean {
  if (wanted === undefined) return true;
  return typeof wanted === "string" ? wanted === key : wanted.test(key);
}

/** What is a fault only before the end of a body. */
const isWithin = (fault: Fault): boolean =>
  fault.do === "flip" || fault.do === "end" || (fault.do === "cut" && fault.error === undefined);

/** Of a body that is shorter than the byte that turns over, or at which it ends, another one does. */
function damaged(bytes: Bytes, faults: readonly Fault[], length: number, strike: Strike): Bytes {
  return faults.reduce((body, fault) => {
    if (fault.do === "cut") {
      const afterBytes = isWithin(fault) ? fault.afterBytes % Math.max(1, length) : fault.afterBytes;
      return cut(body, afterBytes, fault.error, () => strike(fault));
    }
    if (fault.do === "end") return ended(body, fault.atByte % Math.max(1, length), () => strike(fault));
    if (fault.do === "flip") return flipped(body, fault.atByte % Math.max(1, length), () => strike(fault));
    return body;
  }, bytes);
}

function choked(bytes: Bytes, faults: readonly Fault[], strike: Strike): Bytes {
  return faults.reduce(
    (body, fault) => (fault.do === "choke" ? cut(body, fault.afterBytes, fault.error, () => strike(fault)) : body),
    bytes,
  );
}

async function* cut(bytes: Bytes, afterBytes: number, error: Error | undefined, strike: () => void): Bytes {
  let left = afterBytes;
  for await (const chunk of bytes) {
    if (left > 0) yield chunk.subarray(0, left);
    left -= chunk.byteLength;
    if (left < 0) break;
  }
  if (left < 0 || error !== undefined) strike();
  if (error !== undefined) throw error;
}

async function* ended(bytes: Bytes, atByte: number, strike: () => void): Bytes {
  const whole = await readAll(bytes, Number.MAX_SAFE_INTEGER);
  const end = whole.indexOf(NEWLINE, atByte) + 1;
  if (end === 0 || end === whole.byteLength) return yield whole;
  strike();
  yield whole.subarray(0, end);
}

async function* flipped(bytes: Bytes, atByte: number, strike: () => void): Bytes {
  let start = 0;
  for await (const chunk of bytes) {
    const copy = Uint8Array.from(chunk);
    const index = atByte - start;
    if (index >= 0 && index < copy.byteLength) {
      copy[index] = (copy[index] ?? 0) ^ 1;
      strike();
    }
    start += chunk.byteLength;
    yield copy;
  }
}
