import { ListObjectsV2Command, type ListObjectsV2CommandOutput } from "@aws-sdk/client-s3";
import { StorageError } from "../../errors.ts";
import { byUtf16, isKey } from "../key.ts";
import type { StoredObject } from "../storage.ts";
import { inUtf16Order } from "./key-order.ts";
import { at, patiently, type S3Store } from "./store.ts";

/** Every object below `prefix`. @throws rather than give a part: a page that is no listing, that repeats, or that leads nowhere */
export function listObjects(store: S3Store, prefix: string): AsyncIterable<StoredObject> {
  return inUtf16Order(objects(store, prefix), ({ key }) => key, prefix.length);
}

async function* objects(store: S3Store, prefix: string): AsyncIterable<StoredObject> {
  for await (const page of pages(store, prefix, undefined)) {
    for (const { Key, Size } of page.Contents ?? []) {
      const key = ownKey(store, page, Key, prefix);
      if (Size === undefined) throw doubtful(store, prefix, `it gives no size for ${key}`);
      // What a console makes when somebody asks it for a folder, what `prepare` tries with, what others put there.
      if (!isKey(key)) continue;
      yield { key, bytes: Size };
    }
  }
}

/** S3 orders them with their slashes, so all of one level are held and put in order. */
export async function* listFolders(store: S3Store, prefix: string): AsyncIterable<string> {
  const names: string[] = [];
  for await (const page of pages(store, prefix, "/")) {
    for (const { Prefix } of page.CommonPrefixes ?? []) {
      const name = ownKey(store, page, Prefix, prefix).slice(prefix.length, -1);
      if (isKey(name)) names.push(name);
    }
  }
  yield* names.sort(byUtf16);
}

async function* pages(
  store: S3Store,
  prefix: string,
  delimiter: "/" | undefined,
): AsyncIterable<ListObjectsV2CommandOutput> {
  const { Bucket, Key } = at(store, prefix);
  const doing = { what: `listing ${prefix === "" ? "everything" : prefix}`, needs: ["s3:ListBucket"] };
  const tokens = new Set<string>();
  let last = "";
  for (let token: string | undefined; ; ) {
    const command = new ListObjectsV2Command({
      Bucket,
      Prefix: Key,
      // Keys may hold what XML cannot.
      EncodingType: "url",
      ...(delimiter === undefined ? {} : { Delimiter: delimiter }),
      ...(token === undefined ? {} : { ContinuationToken: token }),
    });
    const page = await patiently(store, doing, (options) => store.client.send(command, options));
    // A login page in the way is read as an empty answer.
    if (page.IsTruncated === undefined) throw doubtful(store, prefix, "the answer is no listing");
    last = ascending(store, prefix, page, last);
    yield page;
    if (!page.IsTruncated) return;
    token = page.NextContinuationToken;
    if (token === undefined || tokens.has(token))
      throw doubtful(store, prefix, "it has more, and does not say where it goes on");
    tokens.add(token);
  }
}

/** One that is out of order would be read as "it ended there" by whoever goes on after the last name. */
function ascending(store: S3Store, prefix: string, page: ListObjectsV2CommandOutput, before: string): string {
  let last = before;
  for (const { Key } of page.Contents ?? []) {
    const key = ownKey(store, page, Key, prefix);
    if (Buffer.compare(Buffer.from(key), Buffer.from(last)) < 0) {
      throw doubtful(store, prefix, `${key} comes after ${last}, so it is not in order`);
    }
    last = key;
  }
  return last;
}

function ownKey(store: S3Store, page: ListObjectsV2CommandOutput, given: string | undefined, prefix: string): string {
  const full = page.EncodingType === "url" ? decodeURIComponent((given ?? "").replaceAll("+", "%20")) : (given ?? "");
  if (!full.startsWith(store.prefix + prefix))
    throw doubtful(store, prefix, `it holds ${full}, which was not asked for`);
  return full.slice(store.prefix.length);
}

const doubtful = ({ name, bucket }: S3Store, prefix: string, why: string): StorageError =>
  new StorageError(
    "STORAGE_FAILED",
    `storage ${name}, bucket ${bucket}: the listing of ${prefix} cannot be trusted: ${why}`,
  );
