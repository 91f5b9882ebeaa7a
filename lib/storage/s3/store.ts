import type { S3Client } from "@aws-sdk/client-s3";
import type { S3Options } from "../../config/s3-options.ts";
import type { Log } from "../../log.ts";
import { type RetryOptions, retry } from "../../retry.ts";
import { type Doing, type Named, s3Error } from "./errors.ts";

/** What is set on every object that is stored. */
export interface ObjectSettings {
  readonly storageClass?: S3Options["storage_class"];
  readonly sse?: S3Options["sse"];
  readonly kmsKey?: string | undefined;
  readonly lock?: { readonly mode: "GOVERNANCE" | "COMPLIANCE"; readonly days: number } | undefined;
  readonly tags?: Readonly<Record<string, string>> | undefined;
}

/** One prefix of one bucket, and how it is spoken to. */
export interface S3Store extends Named {
  readonly client: S3Client;
  /** Empty, or ending in `/`. */
  readonly prefix: string;
  readonly objects: ObjectSettings;
  /** How often and how long single requests are tried. */
  readonly retry: RetryOptions;
  readonly signal: AbortSignal;
  readonly log: Log;
  readonly now: () => Date;
}

interface Abortable {
  readonly abortSignal: AbortSignal;
}

/** The parameters that name an object. */
export const at = ({ bucket, prefix }: S3Store, key: string) => ({ Bucket: bucket, Key: prefix + key });

/** One request, once. @throws what `s3Error` makes of its failure */
export async function once<T>(
  store: S3Store,
  doing: Doing,
  send: (options: Abortable) => Promise<T>,
  signal: AbortSignal = store.signal,
): Promise<T> {
  signal.throwIfAborted();
  try {
    return await send({ abortSignal: signal });
  } catch (error) {
    signal.throwIfAborted();
    throw s3Error(store, doing, error);
  }
}

/** One request, tried again as long as its failure may pass. For what `retryingStorage` cannot try again as a whole. */
export function patiently<T>(
  store: S3Store,
  doing: Doing,
  send: (options: Abortable) => Promise<T>,
  signal: AbortSignal = store.signal,
): Promise<T> {
  return retry(() => once(store, doing, send, signal), { ...store.retry, signal });
}
