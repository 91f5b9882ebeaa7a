import type { Bytes } from "../bytes.ts";

/** An object that is stored whole. */
export interface StoredObject {
  readonly key: string;
  readonly bytes: number;
  /** Why the storage lets nobody remove it just now: `locked until 2026-12-01T00:00:00.000Z`. Only `head` tells it. */
  readonly lock?: string;
}

/**
 * What `put` answers: the digest is of what the storage holds, which `put` has compared with what it was given (by
 * reading back, or by a checksum that the storage itself computed).
 */
export interface ConfirmedObject extends StoredObject {
  /** Lower-case hexadecimal. */
  readonly sha256: string;
  /** For `ifMatch`. Only the storage that gave it knows what it means. */
  readonly version: string;
}

/** What `copy` answers. */
export interface CopiedObject extends StoredObject {
  /** The storage holds other bytes than the source's, and has not told that they are equal: somebody has to read them. */
  readonly unconfirmed?: true;
}

/** A small object, read whole. */
export interface StoredDocument {
  readonly content: Uint8Array;
  /** Of exactly this content, for `ifMatch`. */
  readonly version: string;
}

/**
 * Where snapshots live. Keys are relative, `/`-separated, without empty, `.` or `..` parts. Every method throws
 * `StorageError` for what will not pass, `TransientError` for what may, and names the key.
 */
export interface Storage {
  /**
   * Called once before a run: reachable, writable, mounted, roomy enough to begin. Writes nothing that stays, and clears
   * away what others have in the making: below the prefix `owned`, where nobody but the caller may write, all of it at
   * once, so that a writer who was stopped there stores nothing when it goes on; elsewhere what is certain to be left.
   */
  prepare(owned?: string): Promise<void>;
  /**
   * Stores all of `body` under `key`, or nothing: a body that throws, a length other than `expectedBytes`, a full
   * disk or a killed process leave the key as it was. Without a condition an existing object is replaced at once. Of
   * several writers with `ifAbsent`, or with `ifMatch` of one version, exactly one succeeds. A key that is written with
   * `ifMatch` must not be written or removed without one by others: those do not look whether they are in the way.
   * @throws StorageError `STORAGE_EXISTS` with `ifAbsent` when the key exists; `STORAGE_CHANGED` with `ifMatch` when
   *   it holds another version or nothing. Either may also mean that an earlier attempt of one's own succeeded and its
   *   reply was lost: `putDocument` finds that out
   */
  put(key: string, body: Bytes, options?: PutOptions): Promise<ConfirmedObject>;
  /**
   * The pieces are the reader's own, to write into or to give away. A body that ends early throws, it never just stops.
   * @throws NotFoundError before the first byte
   */
  get(key: string): Promise<Bytes>;
  /**
   * A small object whole, with the version to replace it by.
   * @throws NotFoundError; RangeError when it is longer than `maxBytes`
   */
  read(key: string, maxBytes: number): Promise<StoredDocument>;
  head(key: string): Promise<StoredObject | undefined>;
  /** Every object under `prefix` (a plain string prefix) in key order by UTF-16 unit. Throws rather than be partial. */
  list(prefix: string): AsyncIterable<StoredObject>;
  /** Names directly under `prefix` (which is empty or ends in `/`) that hold objects, in order, without the slash. */
  folders(prefix: string, options?: FoldersOptions): AsyncIterable<string>;
  /**
   * A second, independent key for the same bytes, without moving them through this process where that can be.
   * @throws NotFoundError; StorageError `STORAGE_EXISTS` as `put` does; IntegrityError when the storage tells that the copy is
   *   not what its source is: then it is removed
   */
  copy(from: string, to: string, options?: CopyOptions): Promise<CopiedObject>;
  /** All of them, in no certain order: what must go first has a call of its own. A key that is absent is no failure. */
  remove(keys: readonly string[]): Promise<void>;
}

export interface PutOptions {
  readonly ifAbsent?: boolean;
  /** Only while the object has exactly this version. Never together with `ifAbsent`. For documents, not for artifacts. */
  readonly ifMatch?: string;
  readonly expectedBytes?: number;
  /**
   * Makes the object in two steps, of which the first comes before the end of the body is read and can be undone by
   * another process's `prepare`: for who replaces an object, and must not do so after its time.
   */
  readonly sweepable?: boolean;
  /** Whether the caller may still write: for a storage that writes more than `body` itself, after its end. What it throws is thrown. */
  readonly check?: () => Promise<void>;
}

export interface FoldersOptions {
  /** Also those that hold no object, where a storage knows of such: for who looks into each of them anyway, which is then done once. */
  readonly orEmpty?: boolean;
}

export interface CopyOptions {
  readonly ifAbsent?: boolean;
  /** Called when only the last step is left, which another process's `prepare` can prevent. What it throws is thrown, and nothing is stored. */
  readonly beforeLast?: () => Promise<void>;
}
