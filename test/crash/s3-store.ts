import { GetObjectCommand, PutObjectCommand, paginateListObjectsV2 } from "@aws-sdk/client-s3";
import type { S3Access } from "../support/s3-server.ts";
import { storeOnS3 } from "../support/s3-store.ts";
import type { Image } from "./image.ts";
import { SIZES } from "./reach.ts";
import type { StoreKind } from "./stores.ts";

/** A bucket for each store, filled and looked into by the SDK alone. An upload that is open shows as a file in the making. */
export const onS3 = (server: S3Access): StoreKind => ({
  name: "S3",
  async open(image) {
    const subject = await storeOnS3(server, {}, SIZES);
    const { client, store } = subject;
    for (const [key, content] of image)
      await client.send(new PutObjectCommand({ Bucket: store.bucket, Key: store.prefix + key, Body: content }));

    async function look(): Promise<Image> {
      const found = new Map<string, Uint8Array>();
      for await (const page of paginateListObjectsV2({ client }, { Bucket: store.bucket })) {
        for (const { Key = "" } of page.Contents ?? []) {
          const { Body } = await client.send(new GetObjectCommand({ Bucket: store.bucket, Key }));
          found.set(Key.slice(store.prefix.length), (await Body?.transformToByteArray()) ?? new Uint8Array());
        }
      }
      for (const upload of await subject.leftovers()) {
        const folder = upload.slice(store.prefix.length, upload.lastIndexOf("/") + 1);
        found.set(`${folder}.core-backup-tmp-upload of ${upload.slice(upload.lastIndexOf("/") + 1)}`, new Uint8Array());
      }
      return found;
    }

    const { endpoint, region, credentials } = server;
    return {
      storage: subject.storage,
      image: look,
      reach: { kind: "S3", endpoint, region, credentials, bucket: store.bucket, prefix: store.prefix },
      [Symbol.asyncDispose]: () => subject[Symbol.asyncDispose](),
    };
  },
});
