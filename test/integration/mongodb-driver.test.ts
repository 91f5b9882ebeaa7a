import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { BSON, type Document } from "mongodb";
import { archiveParser } from "../../lib/connectors/mongodb/archive-parser.ts";
import { CodedError, TransientError } from "../../lib/errors.ts";
import type { Collected } from "../contract/connector.ts";
import { documentOfEveryType } from "../support/every-bson-type.ts";
import { documentsOf } from "../support/mongo-archive.ts";
import { openMongodb } from "../support/mongo-connector.ts";
import {
  type Answer,
  type Command,
  type ScriptedCollection,
  type ScriptedMongoOptions,
  startScriptedMongo,
} from "../support/scripted-mongo.ts";

const uuid = new BSON.UUID("0679db72-0f49-44de-90ae-27472664e94a");
const documents = (count: number, bytes = 100): Uint8Array[] =>
  Array.from({ length: count }, (_, n) => BSON.serialize({ _id: n, text: "x".repeat(bytes) }));
const NO_RIGHT = { code: 13, codeName: "Unauthorized", errmsg: "not authorized on app to execute command" };

/** Collects `app` of a server that is as the script says. */
async function collected(script: Partial<ScriptedMongoOptions>, options: object = {}) {
  await using server = await startScriptedMongo({ databases: {}, ...script });
  await using opened = await openMongodb({ uri: server.uri, ...options });
  const result = await opened.collect("app");
  const [archive] = result.items;
  if (archive === undefined) throw new Error("nothing was collected");
  return { ...result, archive, seen: server.seen };
}

const app = (...collections: readonly ScriptedCollection[]) => ({ databases: { app: collections } });

function preludeOf({ bytes }: Collected): Map<string, { type: string | undefined; metadata: Document }> {
  const found = new Map<string, { type: string | undefined; metadata: Document }>();
  const parser = archiveParser(
    { deep: true },
    {
      prelude: (_, collections) => {
        for (const { collection, metadata, type } of collections) {
          found.set(collection, { type, metadata: metadata === "" ? {} : JSON.parse(metadata) });
        }
      },
    },
  );
  parser.push(bytes);
  parser.end();
  return found;
}

const fails = (code: string, message: RegExp) => (error: unknown) => {
  assert.ok(error instanceof CodedError, String(error));
  assert.equal(error.code, code, error.message);
  assert.match(error.message, message);
  return true;
};

describe("what an archive holds", () => {
  test("documents of every BSON type are in it byte for byte, those that no driver writes any more included", async () => {
    const all = [1, 2, 3].map(documentOfEveryType);
    const { archive } = await collected(app({ name: "all", documents: all }));
    assert.deepEqual(
      documentsOf(archive.bytes).get("app.all"),
      all.map((bytes) => bytes.toString("hex")),
    );
  });

  test("documents of 16 MiB and collections of many replies are whole", async () => {
    const large = [BSON.serialize({ _id: 1, text: "x".repeat(16_777_216 - 32) })];
    const many = documents(25_000);
    const { archive } = await collected(app({ name: "large", documents: large }, { name: "many", documents: many }));
    const { facts } = archive.artifact;
    assert.deepEqual(
      [facts.documents, facts.bytes],
      [25_001, [...large, ...many].reduce((sum, one) => sum + one.byteLength, 0)],
    );
  });

  test("names with dots, dollar signs and letters of any script are kept", async () => {
    const names = ["a.b.c", "a$b", "Ünï cødé", "データ", "x".repeat(200), "-- ;'\"`"];
    const { archive } = await collected(app(...names.map((name) => ({ name, documents: documents(1) }))));
    const found = documentsOf(archive.bytes);
    assert.deepEqual(new Set(found.keys()), new Set(names.map((name) => `app.${name}`)));
    assert.ok([...found.values()].every(({ length }) => length === 1));
    assert.deepEqual(new Set(preludeOf(archive).keys()), new Set(names));
  });

  test("definitions are written whole: options, every kind of index, UUID, in the order of their keys", async () => {
    const key = new Map<string, unknown>([
      ["b", -1],
      ["10", "text"],
      ["2", new BSON.Double(1)],
    ]);
    const options = {
      capped: true,
      size: new BSON.Long(4096),
      validator: { $jsonSchema: { required: ["a"] } },
      validationLevel: "strict",
      collation: { locale: "de", strength: 2 },
    };
    const indexes: Document[] = [
      { v: 2, key, name: "odd", weights: { "10": 1 }, default_language: "english", textIndexVersion: 3 },
      { v: 2, key: { at: 1 }, name: "ttl", expireAfterSeconds: 3600 },
      { v: 2, key: { a: 1 }, name: "partial", partialFilterExpression: { a: { $gt: 5 } }, hidden: true, unique: true },
      { v: 2, key: { place: "2dsphere" }, name: "place", "2dsphereIndexVersion": 3 },
      { v: 2, key: { "$**": 1 }, name: "wild", wildcardProjection: { a: 1 } },
      { v: 2, key: { name: 1 }, name: "de", collation: { locale: "de" } },
    ];
    await using server = await startScriptedMongo(app({ name: "c", uuid, options, indexes }));
    await using opened = await openMongodb({ uri: server.uri });
    const { items } = await opened.collect("app");
    let metadata = "";
    const parser = archiveParser({ deep: true }, { prelude: (_, [first]) => (metadata = first?.metadata ?? "") });
    parser.push(items[0]?.bytes ?? Buffer.alloc(0));
    assert.equal(
      metadata.slice(0, metadata.indexOf(',{"v":{"$numberInt":"2"},"key":{"at"')),
      '{"options":{"capped":true,"size":{"$numberLong":"4096"},"validator":{"$jsonSchema":{"required":["a"]}},' +
        '"validationLevel":"strict","collation":{"locale":"de","strength":{"$numberInt":"2"}}},' +
        '"indexes":[{"v":{"$numberInt":"2"},"key":{"_id":{"$numberInt":"1"}},"name":"_id_"},' +
        '{"v":{"$numberInt":"2"},"key":{"b":{"$numberInt":"-1"},"10":"text","2":{"$numberDouble":"1.0"}},"name":"odd",' +
        '"weights":{"10":{"$numberInt":"1"}},"default_language":"english","textIndexVersion":{"$numberInt":"3"}}',
    );
    assert.match(metadata, /"hidden":true,"unique":true\},.*"wildcardProjection":\{"a":/);
    assert.ok(
      metadata.endsWith('],"uuid":"0679db720f4944de90ae27472664e94a","collectionName":"c","type":"collection"}'),
    );
  });

  test("a view is its definition, and its documents are not read", async () => {
    const view: ScriptedCollection = {
      name: "adults",
      type: "view",
      options: { viewOn: "users", pipeline: [{ $match: { age: { $gt: 17 } } }] },
    };
    const { archive, seen } = await collected(app({ name: "users", documents: documents(3) }, view));
    const { type, metadata } = preludeOf(archive).get("adults") ?? {};
    assert.equal(type, "view");
    assert.deepEqual(metadata?.indexes, []);
    assert.equal(metadata?.options.viewOn, "users");
    assert.deepEqual(documentsOf(archive.bytes).get("app.adults"), []);
    assert.ok(!seen.some(({ name, collection }) => collection === "adults" && name !== "listCollections"));
  });

  for (const [version, stored] of [
    ["7.0.12", "system.buckets.weather"],
    ["8.3.0", "weather"],
  ] as const) {
    test(`a time series of MongoDB ${version} is read from where its buckets are`, async () => {
      const buckets = [1, 2].map((n) => BSON.serialize({ _id: n, control: { version: 2 }, data: {} }));
      const series: ScriptedCollection = {
        name: "weather",
        type: "timeseries",
        options: { timeseries: { timeField: "at", bucketMaxSpanSeconds: 3600 } },
        indexes: [{ v: 2, key: { at: 1 }, name: "at_1" }],
        ...(stored === "weather" ? { documents: buckets } : {}),
      };
      const hidden: ScriptedCollection[] =
        stored === "weather" ? [] : [{ name: stored, documents: buckets }, { name: "system.views" }];
      const { archive, seen } = await collected({ ...app(series, ...hidden), version });
      const [facts] = archive.artifact.facts.collections as Document[];
      assert.deepEqual([facts?.name, facts?.type, facts?.documents, facts?.indexes], ["weather", "timeseries", 2, 1]);
      const find = seen.find(({ name }) => name === "find");
      assert.deepEqual([find?.collection, find?.body.rawData], [stored, stored === "weather" ? true : undefined]);
      assert.equal(Buffer.from(archive.bytes).includes(Buffer.from("system.buckets.weather\0")), stored !== "weather");
    });
  }

  test("users and roles come first and are those of the database", async () => {
    const user = (name: string, db: string) => BSON.serialize({ _id: `${db}.${name}`, user: name, db });
    const databases = {
      app: [{ name: "a", documents: documents(1) }],
      admin: [
        { name: "system.users", documents: [user("one", "app"), user("two", "other")] },
        { name: "system.roles", documents: [] },
        { name: "system.version", documents: [BSON.serialize({ _id: "authSchema", currentVersion: 5 })] },
      ],
    };
    const { archive } = await collected({ databases }, { users_and_roles: true });
    const names = [...preludeOf(archive).keys()];
    assert.deepEqual(names, ["$admin.system.users", "$admin.system.roles", "$admin.system.version", "a"]);
    const found = documentsOf(archive.bytes);
    assert.deepEqual(found.get("app.$admin.system.users"), [Buffer.from(user("one", "app")).toString("hex")]);
    assert.equal(found.get("app.$admin.system.version")?.length, 1);
    assert.match(archive.item.restore, /--restoreDbUsersAndRoles --db=app --archive=/);
  });

  test("ten thousand collections are in it, and no more are open at once than it announces", async () => {
    const many = Array.from({ length: 10_000 }, (_, n) => ({ name: `c${n}`, documents: documents(n % 3, 10) }));
    const { archive } = await collected(app(...many), { parallel_collections: 7 });
    assert.equal((archive.artifact.facts.collections as unknown[]).length, 10_000);
    assert.equal(archive.artifact.facts.documents, 9_999);
  });
});

describe("what is chosen", () => {
  test("databases of different filters are in one job, with the query of a collection sent as it is meant", async () => {
    const databases = {
      app: [
        { name: "events", documents: documents(1) },
        { name: "cache", documents: documents(1) },
      ],
      logs: [
        { name: "a", documents: documents(1) },
        { name: "b", documents: documents(1) },
      ],
    };
    await using server = await startScriptedMongo({ databases });
    const query = { events: { _id: 0, at: { $gte: { $date: "2026-01-01T00:00:00Z" } }, n: { $numberLong: "5" } } };
    await using opened = await openMongodb({
      uri: server.uri,
      databases: [
        { name: "app", collections: ["e*"], query },
        { name: "logs", exclude_collections: ["a"] },
      ],
    });
    const units = await Array.fromAsync(opened.connector.units(new AbortController().signal));
    assert.deepEqual(
      units.map(({ id }) => id),
      ["app", "logs"],
    );
    assert.deepEqual(
      [...documentsOf((await opened.collect("app")).items[0]?.bytes ?? Buffer.alloc(0)).keys()],
      ["app.events"],
    );
    assert.deepEqual(
      [...documentsOf((await opened.collect("logs")).items[0]?.bytes ?? Buffer.alloc(0)).keys()],
      ["logs.b"],
    );
    const { filter } =
      server.seen.find(({ name, collection }) => name === "find" && collection === "events")?.body ?? {};
    assert.deepEqual(filter, { _id: 0, at: { $gte: new Date("2026-01-01T00:00:00Z") }, n: 5 });
  });

  test("all databases are those of the server but its own, and admin only when there is something of it to store", async () => {
    const ordinary = [{ name: "a", documents: documents(1) }];
    const databases = {
      app: ordinary,
      test_1: ordinary,
      local: ordinary,
      admin: [{ name: "system.version" }],
      config: [{ name: "transactions" }],
    };
    await using server = await startScriptedMongo({ databases });
    const unitsOf = async (options: object) => {
      await using opened = await openMongodb({ uri: server.uri, ...options });
      return (await Array.fromAsync(opened.connector.units(new AbortController().signal))).map(({ id }) => id);
    };
    assert.deepEqual(await unitsOf({ exclude_databases: ["test_*"] }), ["app"]);
    assert.deepEqual(await unitsOf({ users_and_roles: true }), ["admin", "app", "test_1"]);
  });

  test("a database that is not there is a unit, which fails", async () => {
    await using server = await startScriptedMongo({ databases: {} });
    await using opened = await openMongodb({ uri: server.uri, databases: ["app"] });
    assert.equal((await Array.fromAsync(opened.connector.units(new AbortController().signal))).length, 1);
    await assert.rejects(opened.collect("app"), fails("SOURCE_NOT_FOUND", /there is no database app/));
  });

  test("a database is planned with its size, and for a container when that is too much for a function", async () => {
    const answer = ({ name }: Command): Answer => (name === "dbStats" ? { dataSize: 11 * 1024 ** 3 } : undefined);
    await using server = await startScriptedMongo({ ...app({ name: "a" }), answer });
    await using opened = await openMongodb({ uri: server.uri });
    const [unit] = await Array.fromAsync(opened.connector.units(new AbortController().signal));
    assert.deepEqual([unit?.compute, unit?.estimatedBytes], ["fargate", 11 * 1024 ** 3]);
  });

  test("a database that the program mongodump is to read is planned for a container, which has programs", async () => {
    await using server = await startScriptedMongo({ databases: {} });
    const computesOf = async (options: object) => {
      await using opened = await openMongodb({ uri: server.uri, ...options });
      return (await Array.fromAsync(opened.connector.units(new AbortController().signal))).map(
        ({ compute }) => compute,
      );
    };
    const databases = ["a", { name: "b", dump_strategy: "driver" }, { name: "c", dump_strategy: "mongodump" }];
    assert.deepEqual(await computesOf({ databases }), ["lambda", "lambda", "fargate"]);
    assert.deepEqual(await computesOf({ databases, dump_strategy: "mongodump" }), ["fargate", "lambda", "fargate"]);
  });
});

describe("one moment", () => {
  const time = new BSON.Timestamp({ t: 1_732_600_000, i: 7 });
  const replicaSet: Partial<ScriptedMongoOptions> = {
    hello: (address) => ({ setName: "rs0", hosts: [address], me: address, primary: address }),
    everyAnswer: { operationTime: time },
  };
  const two = app(
    { name: "a", documents: documents(300) },
    { name: "b", options: { capped: true, size: 4096 }, documents: documents(2) },
  );

  test("is what all collections of a replica set are read at, but capped ones, which cannot be", async () => {
    const { archive, seen } = await collected({ ...replicaSet, ...two });
    const concerns = new Map(
      seen.filter(({ name }) => name === "find").map(({ collection, body }) => [collection, body.readConcern]),
    );
    assert.deepEqual(concerns.get("a"), { level: "snapshot", atClusterTime: time });
    assert.equal(concerns.get("b"), undefined);
    assert.equal(archive.artifact.facts.snapshot, "1732600000:7");
  });

  test("is asked of a sharded cluster too, and of no standalone server", async () => {
    const sharded = await collected({
      ...two,
      everyAnswer: { operationTime: time },
      hello: () => ({ msg: "isdbgrid" }),
    });
    assert.equal(sharded.archive.artifact.facts.snapshot, "1732600000:7");
    const alone = await collected(two);
    assert.equal(alone.archive.artifact.facts.snapshot, undefined);
  });

  test("that the server no longer has makes the next attempt read without it", async () => {
    const answer = ({ name, body }: Command): Answer =>
      name === "getMore" && body.lsid !== undefined && asked
        ? { code: 239, codeName: "SnapshotTooOld", errmsg: "too old" }
        : undefined;
    let asked = true;
    await using server = await startScriptedMongo({ ...replicaSet, ...two, answer });
    await using opened = await openMongodb({ uri: server.uri });
    await assert.rejects(
      opened.collect("app"),
      (error) => error instanceof TransientError && /as of one moment/.test(error.message),
    );
    asked = false;
    const { items } = await opened.collect("app");
    assert.equal(items[0]?.artifact.facts.snapshot, undefined);
    assert.equal(items[0]?.artifact.facts.documents, 302);
  });
});

describe("what goes wrong", () => {
  const broken = (when: (command: Command) => boolean, answer: Answer) => ({
    ...app({ name: "a", documents: documents(500) }, { name: "b", documents: documents(5) }),
    answer: (command: Command) => (when(command) ? answer : undefined),
  });

  test("a collection that may not be read is left out, the rest is stored, and the unit fails", async () => {
    const script = broken(({ name, collection }) => name === "count" && collection === "b", NO_RIGHT);
    await using server = await startScriptedMongo(script);
    await using opened = await openMongodb({ uri: server.uri });
    const stored: string[] = [];
    const { signal } = new AbortController();
    const collecting = async () => {
      const unit = { id: "app", compute: "lambda", input: {} } as const;
      const context = { previous: undefined, signal, warn: () => {}, defer: async () => {} };
      for await (const item of opened.connector.collect(unit, context)) {
        const bytes = Buffer.concat(await Array.fromAsync(item.open()));
        stored.push(...documentsOf(bytes).keys());
      }
    };
    await assert.rejects(collecting(), fails("SOURCE_INCOMPLETE", /1 collection may not be read .* app\.b/));
    assert.deepEqual(stored, ["app.a"]);
  });

  test("a database of which nothing may be read fails with what is lacking", async () => {
    await assert.rejects(
      collected(broken(({ name }) => name === "count", NO_RIGHT)),
      fails("SOURCE_FORBIDDEN", /app\.a, app\.b/),
    );
    await assert.rejects(
      collected(broken(({ name }) => name === "listCollections", NO_RIGHT)),
      fails("SOURCE_FORBIDDEN", /listing the collections of app/),
    );
  });

  const passing: Readonly<Record<string, readonly [Answer, RegExp]>> = {
    "a cursor that the server gave up": [
      { code: 43, codeName: "CursorNotFound", errmsg: "cursor id 1 not found" },
      /gave up the cursor/,
    ],
    "a collection that is dropped while it is read": [
      { code: 175, codeName: "QueryPlanKilled", errmsg: "collection dropped" },
      /dropped or renamed/,
    ],
    "a server that shuts down": [
      { code: 11600, codeName: "InterruptedAtShutdown", errmsg: "interrupted at shutdown" },
      /reading app\.a/,
    ],
    "a connection that breaks": ["hang up", /reading app\.a/],
  };
  for (const [what, [answer, message]] of Object.entries(passing)) {
    test(`${what} is passing, so the database is read again`, async () => {
      const script = broken(({ name, collection }) => name === "getMore" && collection === "a", answer);
      await assert.rejects(collected(script), (error) => {
        assert.ok(error instanceof TransientError, String(error));
        return fails("SOURCE_UNAVAILABLE", message)(error);
      });
    });
  }

  test("a collection that is dropped before it is read is not taken for an empty one", async () => {
    let listings = 0;
    const answer = ({ name, body }: Command): Answer => {
      if (name === "listCollections") listings += 1;
      return name === "listCollections" && body.filter.name === "empty"
        ? { cursor: { id: new BSON.Long(0), ns: "app.$cmd.listCollections", firstBatch: [] } }
        : undefined;
    };
    const script = { ...app({ name: "empty" }), answer };
    await assert.rejects(
      collected(script),
      (error) =>
        error instanceof TransientError && fails("SOURCE_UNAVAILABLE", /app\.empty was dropped or renamed/)(error),
    );
    assert.equal(listings, 2);
  });

  test("nothing of a collection that the server counts documents in is a failure", async () => {
    const script = broken(({ name, collection }) => name === "find" && collection === "b", {
      cursor: { id: new BSON.Long(0), ns: "app.b", firstBatch: [] },
    });
    await assert.rejects(
      collected(script),
      fails("SOURCE_TRUNCATED", /no document came of app\.b, of which the server counts 5/),
    );
  });

  test("another number than the server counts is a warning", async () => {
    const { warnings, archive } = await collected(
      broken(({ name, collection }) => name === "count" && collection === "b", { n: 6 }),
    );
    assert.deepEqual(
      warnings.map(({ code }) => code),
      ["MONGODB_COUNTS_DIFFER"],
    );
    assert.match(warnings[0]?.message ?? "", /app\.b: 5 came, 6 are counted/);
    assert.equal(archive.artifact.facts.documents, 505);
  });

  test("fewer documents than the server counts before and after are a warning, also when it counts more afterwards", async () => {
    let counted = 1_000_000;
    const { warnings } = await collected(
      broken(({ name, collection }) => name === "count" && collection === "b", {
        get n() {
          counted += 500;
          return counted;
        },
      }),
    );
    assert.deepEqual(
      warnings.map(({ code }) => code),
      ["MONGODB_COUNTS_DIFFER"],
    );
    assert.match(warnings[0]?.message ?? "", /app\.b: 5 came, 1000500 are counted/);
  });

  for (const type of ["view", "timeseries"] as const) {
    test(`a query on a ${type} is refused, naming it`, async () => {
      await assert.rejects(
        collected(app({ name: "weather", type }), {
          databases: [{ name: "app", query: { weather: { at: { $exists: true } } } }],
        }),
        fails("SOURCE_FAILED", /app\.weather is a (view|time series).* takes no query/),
      );
    });
  }

  test("a collection that is dropped while it is looked at fails the unit when the options name it, and else does not", async () => {
    const script = broken(({ name, collection }) => name === "count" && collection === "b", {
      ...{ code: 26, codeName: "NamespaceNotFound", errmsg: "ns does not exist: app.b" },
    });
    const { archive } = await collected(script);
    assert.deepEqual([...documentsOf(archive.bytes).keys()], ["app.a"]);
    for (const named of [{ collections: ["a", "b"] }, { query: { b: {} } }]) {
      await assert.rejects(
        collected(script, { databases: [{ name: "app", ...named }] }),
        (error) =>
          error instanceof TransientError && fails("SOURCE_UNAVAILABLE", /app\.b: a collection was dropped/)(error),
      );
    }
  });

  test("stopping ends a reading that waits for the server", async () => {
    const stop = new AbortController();
    const reason = new Error("told to stop");
    const answer = ({ name }: Command): Answer => {
      if (name !== "getMore") return undefined;
      setImmediate(() => stop.abort(reason));
      return "silence";
    };
    await using server = await startScriptedMongo({ ...app({ name: "a", documents: documents(500) }), answer });
    await using opened = await openMongodb({ uri: server.uri });
    await assert.rejects(opened.collect("app", stop.signal), (error) => error === reason);
  });
});

describe("AWS IAM", () => {
  test("signs in with the credentials that the SDK finds, and shows the secret to nobody", async () => {
    const given = {
      AWS_ACCESS_KEY_ID: "AKIAEXAMPLE",
      AWS_SECRET_ACCESS_KEY: "s3cretOfTheRole",
      AWS_SESSION_TOKEN: "t0ken",
    };
    const before = Object.fromEntries(Object.keys(given).map((name) => [name, process.env[name]]));
    Object.assign(process.env, given);
    try {
      const answer = ({ name, body }: Command): Answer => {
        if (name !== "saslStart")
          return name === "saslContinue" ? { conversationId: 1, done: true, payload: Buffer.alloc(0) } : undefined;
        const { r } = BSON.deserialize(body.payload.buffer, { promoteBuffers: true });
        const payload = BSON.serialize({
          s: new BSON.Binary(Buffer.concat([r, Buffer.alloc(32, 1)])),
          h: "sts.amazonaws.com",
        });
        return { conversationId: 1, done: false, payload: new BSON.Binary(payload) };
      };
      await using server = await startScriptedMongo({ ...app({ name: "a", documents: documents(2) }), answer });
      await using opened = await openMongodb({ uri: `${server.uri}/?authMechanism=MONGODB-AWS&authSource=$external` });
      assert.equal((await opened.collect("app")).items[0]?.artifact.facts.documents, 2);
      const said = server.seen.find(({ name }) => name === "saslContinue")?.body.payload.buffer;
      const { a, t } = BSON.deserialize(said);
      assert.match(a, /^AWS4-HMAC-SHA256 Credential=AKIAEXAMPLE\/\d{8}\//);
      assert.equal(t, "t0ken");
      assert.ok(!JSON.stringify(server.seen).includes(given.AWS_SECRET_ACCESS_KEY));
    } finally {
      for (const [name, value] of Object.entries(before)) {
        if (value === undefined) delete process.env[name];
        else process.env[name] = value;
      }
    }
  });
});
