import { ListMultipartUploadsCommand } from "@aws-sdk/client-s3";
import { StorageError } from "../../errors.ts";
import { isNotImplemented } from "./errors.ts";
import { abandonUpload, stillThere } from "./multipart.ts";
import { probeKey } from "./probe.ts";
import { at, patiently, type S3Store } from "./store.ts";

/** No upload of ours takes longer: S3 would have to take less than 10 MB a second for the largest there can be. */
const ABANDONED_MS = 7 * 86_400_000;
/** Keys of snapshots: with an empty prefix the bucket may hold the uploads of others, which are not ours to touch. */
const OF_A_RUN = /^[^/]+\/\d{4}-\d{2}-\d{2}\/\d{6}Z\//;

const LOOKING = { what: "looking for unfinished uploads", needs: ["s3:ListBucketMultipartUploads"] };

interface Upload {
  readonly key: string;
  readonly id: string;
  readonly begunMs: number;
}

/**
 * Abandons the uploads that killed processes left: at once those below `owned`, where the caller says that no other
 * process writes, and elsewhere below the storage's prefix those that are older than any upload can be.
 * @throws StorageError where those below `owned` cannot be, or not even be looked for: who was stopped before the end of one could still make an object of it
 */
export async function sweepUploads(store: S3Store, owned: string | undefined): Promise<void> {
  try {
    for await (const { key, id, begunMs } of uploads(store, owned)) {
      if (!OF_A_RUN.test(key) && !key.endsWith(probeKey())) continue;
      const isOwned = owned !== undefined && key.startsWith(owned);
      if (!isOwned && store.now().getTime() - begunMs < ABANDONED_MS) continue;
      store.log.info("clearing away an upload that a run left unfinished", {
        storage: store.name,
        key,
        begun: new Date(begunMs).toISOString(),
      });
      const isGone = await abandonUpload(store, key, id);
      if (isOwned && !isGone) throw stillThere(store, key);
    }
  } catch (error) {
    if (!(error instanceof StorageError)) throw error;
    if (owned !== undefined || !(isNotImplemented(error) || error.code === "STORAGE_FORBIDDEN")) throw error;
    warnOf(store, error);
  }
}

function warnOf({ log, name }: S3Store, { message }: StorageError): void {
  log.warn(`uploads that killed runs left cannot be cleared away: ${message}`, { storage: name });
}

async function* uploads(store: S3Store, owned: string | undefined): AsyncIterable<Upload> {
  const { Bucket, Key: Prefix } = at(store, "");
  const places = new Set<string>();
  for (let after: { KeyMarker?: string; UploadIdMarker?: string } = {}; ; ) {
    const command = new ListMultipartUploadsCommand({ Bucket, Prefix, ...after });
    const page = await patiently(store, LOOKING, (options) => store.client.send(command, options));
    for (const { Key, UploadId, Initiated } of page.Uploads ?? []) {
      if (Key?.startsWith(Prefix) !== true || UploadId === undefined) continue;
      yield { key: Key.slice(Prefix.length), id: UploadId, begunMs: Initiated?.getTime() ?? store.now().getTime() };
    }
    if (page.IsTruncated !== true) return;
    const place = `${page.NextKeyMarker} ${page.NextUploadIdMarker}`;
    if (page.NextKeyMarker === undefined || places.has(place)) {
      if (owned === undefined) return warnOf(store, brokenOff(store));
      throw brokenOff(store);
    }
    places.add(place);
    after = {
      KeyMarker: page.NextKeyMarker,
      ...(page.NextUploadIdMarker === undefined ? {} : { UploadIdMarker: page.NextUploadIdMarker }),
    };
  }
}

const brokenOff = ({ name, bucket }: S3Store): StorageError =>
  new StorageError(
    "STORAGE_FAILED",
    `storage ${name}, bucket ${bucket}: ${LOOKING.what}: the list of them has more, and does not say where it goes on`,
  );
