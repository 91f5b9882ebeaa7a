import { GetObjectCommand, PutObjectCommand, paginateListObjectsV2 } from "@aws-sdk/client-s3";
import type { S3Server } from "../support/s3-server.ts";
import { storeOnS3 } from "../support/s3-store.ts";
import type { Image } from "./image.ts";
import type { StoreKind } from "./stores.ts";

/** A bucket for each store, filled and looked into by the SDK alone. An upload that is left open shows as a stranger. */
export const onS3 = (server: S3Server): StoreKind => ({
  name: "S3",
  async open(image) {
    const subject = await storeOnS3(server);
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
      for (const upload of await subject.leftovers()) found.set(`an open upload of ${upload}`, new Uint8Array());
      return found;
    }

    return { storage: subject.storage, image: look, [Symbol.asyncDispose]: () => subject[Symbol.asyncDispose]() };
  },
});
