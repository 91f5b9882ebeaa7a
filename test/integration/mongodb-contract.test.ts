import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { after, describe } from "node:test";
import { MongoClient } from "mongodb";
import { mongodb } from "../../lib/connectors/mongodb/mongodb.ts";
import { type ConnectorSubject, connectorContract } from "../contract/connector.ts";
import { documentsOf } from "../support/mongo-archive.ts";
import { type MongoServer, noFerret, noJavaServer, startFerret, startJavaServer } from "../support/mongo-servers.ts";

// Collections are read side by side, so their blocks come in another order each time.
describe("mongodb on FerretDB", { skip: noFerret }, () => {
  const make = sharedBy(startFerret);
  connectorContract("mongodb on FerretDB", { kind: mongodb, make, sameBytes: false, silent: mute });
});

describe("mongodb on mongo-java-server", { skip: noJavaServer }, () => {
  const make = sharedBy(startJavaServer);
  connectorContract("mongodb on mongo-java-server", { kind: mongodb, make, sameBytes: false });
});

/** One server for all promises, each with a database of its own. */
function sharedBy(start: () => Promise<MongoServer>): () => Promise<ConnectorSubject> {
  let server: Promise<MongoServer> | undefined;
  let made = 0;
  after(async () => (await server)?.[Symbol.asyncDispose]());
  return async () => {
    server ??= start();
    made += 1;
    return subject((await server).uri, `app${made}`);
  };
}

async function subject(uri: string, name: string): Promise<ConnectorSubject> {
  const client = await MongoClient.connect(uri);
  const db = client.db(name);
  const blobs = Array.from({ length: 20 }, (_, n) => ({ n, data: randomBytes(60_000), tags: ["a", { b: n }] }));
  await db.collection<object>("blobs").insertMany(blobs);
  await db.collection("blobs").createIndex({ n: -1 }, { unique: true });
  await db.collection<{ text: string }>("names.with.dots").insertOne({ text: "ünï" });
  await db.createCollection("empty");
  const documents = await documentsIn(client, name);
  return {
    options: { uri, databases: [name] },
    vanish: async () => {
      await db.dropDatabase();
    },
    async assertRestored(_unit, _item, folder, paths) {
      assert.deepEqual(paths, [`${name}.archive`]);
      assert.deepEqual(documentsOf(await readFile(join(folder, `${name}.archive`))), documents);
    },
    async [Symbol.asyncDispose]() {
      await db.dropDatabase();
      await client.close();
    },
  };
}

async function documentsIn(client: MongoClient, name: string): Promise<ReadonlyMap<string, readonly string[]>> {
  const found = new Map<string, readonly string[]>();
  for (const { name: collection } of await client.db(name).listCollections().toArray()) {
    const raw = await client.db(name).collection(collection).find({}, { raw: true }).toArray();
    found.set(
      `${name}.${collection}`,
      raw.map((bytes) => Buffer.from(bytes as unknown as Uint8Array).toString("hex")),
    );
  }
  return new Map([...found].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Takes connections and says nothing. */
async function mute(): Promise<AsyncDisposable & { readonly options: unknown }> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => sockets.add(socket));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    options: { uri: `mongodb://127.0.0.1:${port}`, databases: ["app"] },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}
