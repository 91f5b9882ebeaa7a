import { setTimeout as delay } from "node:timers/promises";
import { CreateBucketCommand, S3Client } from "@aws-sdk/client-s3";
import { MongoClient } from "mongodb";

// What the smoke test backs up, and the bucket for it. Waits for both servers, which were just started.

const ORDERS = 1000;

const s3 = new S3Client({ endpoint: process.env.S3_ENDPOINT, forcePathStyle: true });
await untilIt(() => s3.send(new CreateBucketCommand({ Bucket: "smoke" })));

const client = new MongoClient(process.env.MONGO_URI, { serverSelectionTimeoutMS: 1000 });
const orders = client.db("shop").collection("orders");
await untilIt(() => orders.deleteMany({}));
await orders.insertMany(
  Array.from({ length: ORDERS }, (_, n) => ({ _id: n, article: `article ${n % 7}`, price: n / 100 })),
);
await client.close();

async function untilIt(works) {
  for (let tries = 60; ; tries -= 1) {
    try {
      return await works();
    } catch (error) {
      if (error.name === "BucketAlreadyOwnedByYou") return undefined;
      if (tries === 0) throw error;
      await delay(500);
    }
  }
}
