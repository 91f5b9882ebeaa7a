import type { Agent } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import { CreateBucketCommand, ListMultipartUploadsCommand, type S3Client } from "@aws-sdk/client-s3";
import { type ClientSettings, connect, createS3Client } from "../../lib/storage/s3/client.ts";
import { type S3Sizes, s3Storage } from "../../lib/storage/s3/s3.ts";
import type { S3Store } from "../../lib/storage/s3/store.ts";
import type { Storage } from "../../lib/storage/storage.ts";
import type { StorageSubject } from "../contract/storage.ts";
import { silentLog } from "./logs.ts";
import type { S3Access } from "./s3-server.ts";

export interface S3Subject extends StorageSubject {
  readonly store: S3Store;
  readonly client: S3Client;
}

/** For tests that do not wait. */
const impatient = { attempts: 3, baseMs: 1, maxMs: 5, signal: new AbortController().signal };

let buckets = 0;

/** A prepared storage in a bucket of its own, below a prefix. Beside it, to show that it is left alone, lies nothing. */
export async function storeOnS3(
  server: S3Access,
  changes: Partial<S3Store> = {},
  sizes?: S3Sizes,
  silence?: ClientSettings["silence"],
): Promise<S3Subject> {
  const { endpoint, region, credentials } = server;
  const connection = connect({});
  const client = createS3Client({ endpoint, region, credentials, pathStyle: true, connection, silence });
  buckets += 1;
  const bucket = `bucket-${process.pid}-${buckets}`;
  await client.send(
    new CreateBucketCommand({ Bucket: bucket, ObjectLockEnabledForBucket: changes.objects?.lock !== undefined }),
  );
  const store: S3Store = {
    client,
    name: "s3",
    bucket,
    prefix: "some/backups/",
    objects: {},
    retry: impatient,
    signal: impatient.signal,
    log: silentLog,
    now: () => new Date(),
    ...changes,
  };
  const storage: Storage = s3Storage(store, sizes);
  await storage.prepare();
  return {
    store,
    client,
    storage,
    leftovers: () => openUploads(store),
    openFiles: () => settledSockets(connection.httpAgent),
    async [Symbol.asyncDispose]() {
      client.destroy();
      connection.httpAgent.destroy();
      connection.httpsAgent.destroy();
    },
  };
}

/** Keys of the multipart uploads that were begun and neither completed nor abandoned. */
async function openUploads({ client, bucket }: S3Store): Promise<string[]> {
  const { Uploads } = await client.send(new ListMultipartUploadsCommand({ Bucket: bucket }));
  return (Uploads ?? []).map(({ Key }) => Key ?? "");
}

/** Those in use, once no more of them come free. */
async function settledSockets(agent: Agent): Promise<number> {
  for (let before = busySockets(agent); ; ) {
    await delay(20);
    const now = busySockets(agent);
    if (now === 0 || now === before) return now;
    before = now;
  }
}

const busySockets = ({ sockets }: { readonly sockets: NodeJS.ReadOnlyDict<readonly unknown[]> }): number =>
  Object.values(sockets).reduce((total, list) => total + (list?.length ?? 0), 0);
