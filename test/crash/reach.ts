import { filesystemStorage } from "../../lib/storage/filesystem.ts";
import type { S3Sizes } from "../../lib/storage/s3/s3.ts";
import type { Storage } from "../../lib/storage/storage.ts";
import { silentLog } from "../support/logs.ts";
import type { S3Server } from "../support/s3-server.ts";
import { veil } from "./veil.ts";

/** How another process comes to a store. */
export type Reach = { readonly veiled?: true } & Place;

type Place =
  | { readonly kind: "filesystem"; readonly folder: string }
  | ({ readonly kind: "S3"; readonly bucket: string; readonly prefix: string } & Pick<
      S3Server,
      "endpoint" | "region" | "credentials"
    >);

const MiB = 1024 * 1024;
/** The least that S3 takes for a part that is not the last, so that little data is an upload of several. */
export const SIZES: S3Sizes = { part: () => 5 * MiB, copyPart: 5 * MiB };

/** The store as a process of its own opens it, on its own connections. The SDK is read only for S3: it is half of what there is to read. */
export async function storageAt(reach: Reach): Promise<Storage> {
  const storage = await plainStorageAt(reach);
  return reach.veiled === true ? veil(storage) : storage;
}

async function plainStorageAt(reach: Place): Promise<Storage> {
  if (reach.kind === "filesystem") return filesystemStorage({ basePath: reach.folder });
  const { connect, createS3Client } = await import("../../lib/storage/s3/client.ts");
  const { s3Storage } = await import("../../lib/storage/s3/s3.ts");
  const { endpoint, region, credentials, bucket, prefix } = reach;
  const client = createS3Client({ endpoint, region, credentials, pathStyle: true, connection: connect({}) });
  const { signal } = new AbortController();
  const retry = { attempts: 3, baseMs: 1, maxMs: 5, signal };
  const store = {
    client,
    name: "s3",
    bucket,
    prefix,
    objects: {},
    retry,
    signal,
    log: silentLog,
    now: () => new Date(),
  };
  return s3Storage(store, SIZES);
}
