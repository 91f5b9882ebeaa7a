import { Readable } from "node:stream";
import { finished } from "node:stream/promises";
import { GetObjectCommand } from "@aws-sdk/client-s3";
import type { Bytes } from "../../bytes.ts";
import { StorageError, TransientError } from "../../errors.ts";
import { backOff } from "../../retry.ts";
import { at, once, type S3Store } from "./store.ts";

/** What an object was when it was looked at. */
export interface Seen {
  readonly etag: string | undefined;
  readonly size: number;
}

const MiB = 1024 * 1024;
/** A request costs the processor as much as some megabytes do. */
const RANGE_BYTES = 16 * MiB;
/** Fetched at the same time, the one that is being read included. */
const RANGES = 3;

/** The bytes of what was seen, by ranges: at most `RANGES` of them are held. Stopping early ends the requests at once. */
export async function* rangesOf(store: S3Store, key: string, { etag, size }: Seen): Bytes {
  const stop = new AbortController();
  const signal = AbortSignal.any([store.signal, stop.signal]);
  const ahead: Promise<readonly Uint8Array[]>[] = [];
  let asked = 0;
  const ask = () => {
    const from = asked;
    asked = Math.min(size, asked + RANGE_BYTES);
    const range = fetchRange(store, { key, etag, from, to: asked }, signal);
    // Its failure is met when its turn comes.
    range.catch(() => {});
    ahead.push(range);
  };
  try {
    while (ahead.length < RANGES && asked < size) ask();
    for (let next = ahead.shift(); next !== undefined; next = ahead.shift()) {
      yield* await next;
      if (asked < size) ask();
    }
  } finally {
    stop.abort();
    await Promise.allSettled(ahead);
  }
}

interface Range {
  readonly key: string;
  readonly etag: string | undefined;
  readonly from: number;
  /** Not included. */
  readonly to: number;
}

/** Its pieces. What came before a connection broke is kept, and the rest asked for. */
async function fetchRange(store: S3Store, range: Range, signal: AbortSignal): Promise<readonly Uint8Array[]> {
  const pieces: Uint8Array[] = [];
  let from = range.from;
  for (let attempt = 1; ; attempt += 1) {
    const before = from;
    const take = (piece: Uint8Array) => {
      pieces.push(piece);
      from += piece.byteLength;
    };
    try {
      await request(store, { ...range, from }, take, signal);
      return pieces;
    } catch (error) {
      signal.throwIfAborted();
      if (from > before) attempt = 1;
      if (!(error instanceof TransientError) || attempt >= store.retry.attempts) throw error;
      await backOff(attempt, error, { ...store.retry, signal });
    }
  }
}

async function request(
  store: S3Store,
  { key, etag, from, to }: Range,
  take: (piece: Uint8Array) => void,
  signal: AbortSignal,
): Promise<void> {
  const doing = { what: `reading ${key}`, needs: ["s3:GetObject"] };
  const command = new GetObjectCommand({
    ...at(store, key),
    Range: `bytes=${from}-${to - 1}`,
    ...(etag === undefined ? {} : { IfMatch: etag }),
  });
  const got = await once(
    store,
    doing,
    async (options) => {
      const { Body, ContentRange, ContentLength } = await store.client.send(command, options);
      const body: unknown = Body;
      if (!(body instanceof Readable))
        throw new StorageError("STORAGE_FAILED", `${doing.what}: the answer has no body`);
      const wanted = `bytes ${from}-${to - 1}/`;
      if (ContentRange?.startsWith(wanted) === true && (ContentLength ?? to - from) === to - from) {
        return drain(body, take, signal);
      }
      body.destroy();
      throw new StorageError("STORAGE_FAILED", `${doing.what}: ${wanted} was asked for, and ${ContentRange} came`);
    },
    signal,
  );
  if (got !== to - from) throw new TransientError("STORAGE_FAILED", `${doing.what}: ${got} of ${to - from} bytes came`);
}

/** Gives each piece as it comes, and then their bytes: waiting for each one would take as long as fetching it. */
async function drain(body: Readable, take: (piece: Uint8Array) => void, signal: AbortSignal): Promise<number> {
  let got = 0;
  body.on("data", (piece: Uint8Array) => {
    got += piece.byteLength;
    take(piece);
  });
  try {
    await finished(body, { signal, cleanup: true });
  } finally {
    body.destroy();
  }
  return got;
}
