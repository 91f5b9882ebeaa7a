import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { describe, test } from "node:test";
import { BSON, type Document, MongoClient } from "mongodb";
import { bytesOf } from "../../lib/bytes.ts";
import { CodedError, ConfigError, IntegrityError, SourceError, TransientError } from "../../lib/errors.ts";
import { thisProcess } from "../../lib/process-identity.ts";
import { never } from "../contract/connector.ts";
import { documentOfEveryType } from "../support/every-bson-type.ts";
import { documentsOf } from "../support/mongo-archive.ts";
import { openMongodb } from "../support/mongo-connector.ts";
import { noFerret, noJavaServer, startFerret, startJavaServer } from "../support/mongo-servers.ts";
import { type Command, startScriptedMongo } from "../support/scripted-mongo.ts";
import { scriptedOplog } from "../support/scripted-oplog.ts";

type Numbered = { _id: number } & Record<string, unknown>;

const fails = (kind: new (...args: never[]) => Error, code: string, message: RegExp) => (error: unknown) => {
  assert.ok(error instanceof kind && error instanceof CodedError, String(error));
  assert.equal(error.code, code, error.message);
  assert.match(error.message, message);
  return true;
};

describe("a server with accounts", { skip: noFerret }, () => {
  const account = { user: "backup", password: "p@ss:w/ord%1" };
  const uriOf = (uri: string, password: string) =>
    uri.replace("//", `//backup:${encodeURIComponent(password)}@`).concat("/?authSource=admin");

  test("is read with the right password; a wrong one, or none, is said without showing it", async () => {
    await using server = await startFerret({ account });
    const right = uriOf(server.uri, account.password);
    await using client = await MongoClient.connect(right);
    await client.db("app").collection<Numbered>("a").insertOne({ _id: 1 });

    await using opened = await openMongodb({ uri_env: "URI" }, { URI: right });
    await opened.connector.prepare(never());
    assert.equal((await opened.collect("app")).items[0]?.artifact.facts.documents, 1);

    await using wrong = await openMongodb({ uri_env: "URI" }, { URI: uriOf(server.uri, "wr0ng:secret") });
    await assert.rejects(wrong.connector.prepare(never()), (error) => {
      assert.ok(!wrong.redact(String(error)).includes("wr0ng"));
      return fails(SourceError, "SOURCE_UNAUTHORIZED", /connecting to the server/)(error);
    });
    await using none = await openMongodb({ uri: server.uri, databases: ["app"] });
    await assert.rejects(none.collect("app"), fails(SourceError, "SOURCE_UNAUTHORIZED", /./));
  });
});

describe("odd names and large documents", { skip: noFerret }, () => {
  test("come through a real server whole, and are proved by restoring them", async () => {
    await using server = await startFerret();
    await using client = await MongoClient.connect(server.uri);
    const db = client.db("app");
    await db.collection<Numbered>("Ünï cødé").insertOne({ _id: 1, text: "x".repeat(16 * 1024 * 1024 - 100) });
    await db.collection<Numbered>("a.b.c").insertMany([{ _id: 1 }, { _id: 2, "": "empty key" }]);
    await db.collection<Numbered>("x".repeat(200)).insertOne({ _id: 1 });
    await db.createCollection("capped", { capped: true, size: 4096 });
    await using opened = await openMongodb({ uri: server.uri, prove_uri_env: "URI" }, { URI: server.uri });
    const { items } = await opened.collect("app");
    const [archive] = items;
    if (archive === undefined) throw new Error("nothing was collected");
    assert.deepEqual(
      [...documentsOf(archive.bytes).keys()],
      ["app.Ünï cødé", "app.a.b.c", "app.capped", `app.${"x".repeat(200)}`].sort(),
    );
    const proof = await opened.prove(archive.artifact, archive.bytes, true);
    assert.deepEqual(
      [proof.level, proof.detail],
      ["full", "4 documents and 4 indexes in 4 collections restored and compared"],
    );
    const { databases } = await client.db("admin").admin().listDatabases({ nameOnly: true });
    assert.ok(!databases.some(({ name }) => name.startsWith("core_backup_proof_")));
  });

  test("a server that is killed while it is read is a passing failure", async () => {
    await using server = await startFerret();
    await using client = await MongoClient.connect(server.uri);
    const many = Array.from({ length: 20_000 }, (_, n) => ({ _id: n, text: "x".repeat(300) }));
    await client.db("app").collection<Numbered>("a").insertMany(many);
    await using opened = await openMongodb({ uri: `${server.uri}/?serverSelectionTimeoutMS=500`, databases: ["app"] });
    const unit = { id: "app", compute: "lambda", input: {} } as const;
    const context = { previous: undefined, signal: never(), warn: () => {}, defer: async () => {} };
    const reading = async () => {
      for await (const item of opened.connector.collect(unit, context)) {
        let read = 0;
        for await (const chunk of item.open()) {
          if (read === 0) await server.kill();
          read += chunk.byteLength;
        }
      }
    };
    await assert.rejects(reading(), fails(TransientError, "SOURCE_UNAVAILABLE", /app/));
  });
});

describe("the oplog", { skip: noJavaServer }, () => {
  test("has what was written to a database while it was read, and is proved", async () => {
    await using server = await startJavaServer({ setName: "rs0" });
    await using client = await MongoClient.connect(server.uri);
    const db = client.db("app");
    await db.collection<Numbered>("a").insertMany(Array.from({ length: 10 }, (_, n) => ({ _id: n })));
    await using opened = await openMongodb({ uri: server.uri, oplog: true, databases: ["app"] });
    await opened.connector.prepare(never());
    const unit = { id: "app", compute: "lambda", input: {} } as const;
    const context = { previous: undefined, signal: never(), warn: () => {}, defer: async () => {} };
    const stored: { name: string; bytes: Buffer; facts: Document }[] = [];
    for await (const item of opened.connector.collect(unit, context)) {
      const pieces: Uint8Array[] = [];
      for await (const piece of item.open()) {
        if (pieces.length === 0 && stored.length === 0) {
          await db.collection<Numbered>("a").insertOne({ _id: 100 });
          await db.collection<Numbered>("a").updateOne({ _id: 1 }, { $set: { changed: true } });
          await client.db("other").collection<Numbered>("a").insertOne({ _id: 200 });
        }
        pieces.push(piece);
      }
      stored.push({ name: item.name, bytes: Buffer.concat(pieces), facts: item.facts?.() ?? {} });
    }
    assert.deepEqual(
      stored.map(({ name }) => name),
      ["app.archive", "app.oplog.archive"],
    );
    const oplog = stored[1];
    if (oplog === undefined) throw new Error("there is no oplog");
    assert.deepEqual([...documentsOf(oplog.bytes).keys()], ["app.a", "oplog"]);
    const entries = oplogIn(oplog.bytes);
    assert.ok(entries.every(({ ns }) => ns.startsWith("app.")));
    const written = entries.filter(({ op, o, o2 }) => (op === "i" && o._id === 100) || (op === "u" && o2._id === 1));
    assert.equal(written.length, 2);
    assert.equal(oplog.facts.documents, entries.length);
    const artifact = {
      path: "app/app.oplog.archive",
      contentType: "application/x-mongodb-oplog",
      facts: oplog.facts as never,
    };
    assert.match((await opened.prove(artifact, oplog.bytes)).detail, /^\d+ entries of the oplog$/);
    await assert.rejects(
      opened.prove(artifact, oplog.bytes.subarray(0, -1)),
      fails(IntegrityError, "PROOF_FAILED", /ends too early/),
    );
    await assert.rejects(
      opened.prove({ ...artifact, facts: { ...oplog.facts, documents: 0 } as never }, oplog.bytes),
      IntegrityError,
    );
  });

  test("is refused where there is none, before anything is read", async () => {
    await using server = await startJavaServer();
    await using opened = await openMongodb({ uri: server.uri, oplog: true });
    await assert.rejects(
      opened.connector.prepare(never()),
      fails(ConfigError, "CONFIG_INVALID", /no member of a replica set/),
    );
  });
});

/** Its entries, in their order. */
const oplogIn = (archive: Uint8Array): Document[] =>
  (documentsOf(archive).get("oplog") ?? []).map((entry) => BSON.deserialize(Buffer.from(entry, "hex")));

describe("an oplog that does not reach back, or has a rename, is a passing failure", () => {
  const at = (t: number) => new BSON.Timestamp({ t, i: 1 });
  const entry = (t: number, more: Document = {}) =>
    BSON.serialize({ ts: at(t), op: "i", ns: "app.a", o: { _id: t }, ...more });
  async function collected(oplog: readonly Uint8Array[], oldest = oplog[0]) {
    await using server = await startScriptedMongo({
      databases: { app: [{ name: "a" }] },
      answer: scriptedOplog(oplog, oldest),
    });
    await using opened = await openMongodb({ uri: server.uri, oplog: true });
    return await opened.collect("app");
  }

  test("the oplog begins before anything is listed, and a snapshot is of no earlier moment", async () => {
    // A server to which something is written before each command.
    let now = 1;
    const answer = (command: Command) => scriptedOplog([entry(1), entry(now)])(command);
    const seen: string[] = [];
    await using server = await startScriptedMongo({
      databases: { app: [{ name: "a", documents: [BSON.serialize({ _id: 1 })] }] },
      hello: (address) => ({ setName: "rs0", hosts: [address], me: address, primary: address }),
      everyAnswer: () => ({ operationTime: at(now) }),
      answer(command) {
        now += 1;
        seen.push(command.name === "find" ? command.collection : command.name);
        return answer(command);
      },
    });
    await using opened = await openMongodb({ uri: server.uri, oplog: true });
    const [archive, oplog] = (await opened.collect("app")).items;
    const second = (moment: unknown) => Number(String(moment).split(":")[0]);
    assert.ok(second(archive?.artifact.facts.snapshot) >= second(oplog?.artifact.facts.start));
    assert.ok(second(archive?.artifact.facts.snapshot) <= second(oplog?.artifact.facts.end));
    assert.ok(seen.indexOf("oplog.rs") < seen.indexOf("listCollections"));
  });

  test("an oplog is not read from a member that may lag", async () => {
    await using server = await startScriptedMongo({
      databases: { app: [{ name: "a" }] },
      hello: (address) => ({ setName: "rs0", hosts: [address], me: address, primary: address }),
    });
    await using opened = await openMongodb({ uri: `${server.uri}/?readPreference=nearest`, oplog: true });
    const refused = fails(ConfigError, "CONFIG_INVALID", /oplog needs the read preference primary, and it is nearest/);
    await assert.rejects(opened.connector.prepare(never()), refused);
    await assert.rejects(opened.collect("app"), refused);
  });

  test("one that was overwritten while it was read itself", async () => {
    const [oldest, newer] = [entry(1), entry(9)];
    let asked = 0;
    await using server = await startScriptedMongo({
      databases: { app: [{ name: "a" }] },
      answer(command) {
        if (command.collection === "oplog.rs" && command.body.sort?.$natural === 1) asked += 1;
        return scriptedOplog([oldest], asked > 1 ? newer : oldest)(command);
      },
    });
    await using opened = await openMongodb({ uri: server.uri, oplog: true });
    await assert.rejects(
      opened.collect("app"),
      fails(TransientError, "SOURCE_UNAVAILABLE", /too small for what is written/),
    );
    assert.equal(asked, 2);
  });

  test("a rename", async () => {
    const rename = entry(2, { op: "c", ns: "app.$cmd", o: { renameCollection: "app.a", to: "app.b" } });
    await assert.rejects(
      collected([entry(1), rename]),
      fails(TransientError, "SOURCE_UNAVAILABLE", /renameCollection on app\.\$cmd/),
    );
  });

  test("one that was overwritten meanwhile", async () => {
    const tooSmall = /too small for what is written/;
    await assert.rejects(collected([entry(1)], entry(9)), fails(TransientError, "SOURCE_UNAVAILABLE", tooSmall));
  });

  test("whatever was written else is stored", async () => {
    const { items } = await collected([entry(1), entry(2, { op: "c", ns: "app.$cmd", o: { create: "b" } })]);
    assert.deepEqual([items[1]?.artifact.facts.first, items[1]?.artifact.facts.last], ["1:1", "2:1"]);
  });

  test("of a transaction over several databases the writes to this one are stored, and of another one's nothing", async () => {
    const write = (ns: string, id: number) => ({ op: "i", ns, o: { _id: id } });
    const transaction = (t: number, ...applyOps: object[]) =>
      entry(t, { op: "c", ns: "admin.$cmd", o: { applyOps }, lsid: { id: 1 }, txnNumber: 1 });
    const { items } = await collected([
      transaction(1, write("app.a", 1), write("other.a", 2), write("app.b", 3)),
      transaction(2, write("other.a", 4)),
      entry(3, { op: "c", ns: "admin.$cmd", o: { create: "another" } }),
    ]);
    const found = oplogIn(items[1]?.bytes ?? Buffer.alloc(0));
    assert.deepEqual(
      found.map(({ o }) => o),
      [{ applyOps: [write("app.a", 1), write("app.b", 3)] }],
    );
  });

  test("an entry that is too long for an archive is said, not stored for nobody to restore", async () => {
    const long = entry(1, { o: { _id: 1, text: "x".repeat(16 * 1024 * 1024 - 30) } });
    await assert.rejects(
      collected([long]),
      fails(SourceError, "SOURCE_FAILED", /app: an entry of the oplog has \d+ bytes/),
    );
  });
});

describe("full proof", () => {
  test("restores documents of every BSON type, views, options and indexes, and compares them", async () => {
    const all = [1, 2, 3].map(documentOfEveryType);
    const collections = [
      {
        name: "all",
        documents: all,
        options: { validator: { a: new BSON.Int32(1) } },
        indexes: [
          {
            v: 2,
            key: new Map([
              ["b", 1],
              ["0", -1],
            ]),
            name: "odd",
          },
        ],
      },
      { name: "view", type: "view" as const, options: { viewOn: "all", pipeline: [] } },
      { name: "empty" },
    ];
    await using server = await startScriptedMongo({ databases: { app: collections } });
    await using target = await startScriptedMongo({ databases: { kept: [{ name: "a", documents: all }] } });
    await using opened = await openMongodb(
      { uri: server.uri, databases: ["app"], prove_uri_env: "URI" },
      { URI: target.uri },
    );
    const [archive] = (await opened.collect("app")).items;
    if (archive === undefined) throw new Error("nothing was collected");
    const proof = await opened.prove(archive.artifact, archive.bytes, true);
    assert.deepEqual(proof, {
      level: "full",
      detail: "3 documents and 3 indexes in 3 collections restored and compared",
    });
    assert.deepEqual([...target.databases.keys()], ["kept"]);
  });

  test("drops what a killed proof of this machine left, and nothing that may still be in use", async () => {
    const { machine } = thisProcess();
    const inSeconds = (seconds: number) => Math.floor(Date.now() / 1000 + seconds).toString(36);
    const nameOf = (of: string, pid: number, until: string) =>
      `core_backup_proof_${of}_${pid.toString(36)}_1_${until}_0a1b2c`;
    const ended = spawnSync("true").pid;
    const gone = [nameOf(machine, ended, inSeconds(9_999)), nameOf("0123456789ab", 1, inSeconds(-1))];
    const kept = [nameOf("0123456789ab", 1, inSeconds(9_999)), "core_backup_proof_of_concept", "app"];
    const documents = [BSON.serialize({ _id: 1 })];
    const of = (names: readonly string[]) =>
      Object.fromEntries(names.map((name) => [name, [{ name: "a", documents }]]));
    await using server = await startScriptedMongo({ databases: of([...gone, ...kept]) });
    const options = { uri: server.uri, prove_uri_env: "URI" };
    await using opened = await openMongodb(options, { URI: server.uri });
    const units = (await Array.fromAsync(opened.connector.units(never()))).map(({ id }) => id);
    assert.deepEqual(units, ["app", "core_backup_proof_of_concept"]);
    const [archive] = (await opened.collect("app")).items;
    if (archive === undefined) throw new Error("nothing was collected");
    assert.equal((await opened.prove(archive.artifact, archive.bytes, true)).level, "full");
    assert.deepEqual(new Set(server.databases.keys()), new Set(kept));
    const [made] = server.seen.filter(({ name, db }) => name === "create" && !kept.includes(db)).map(({ db }) => db);
    assert.ok(made !== undefined && made.length <= 63, made);
  });

  test("that is stopped, or whose server says no half-way, leaves no database", async () => {
    const documents = [BSON.serialize({ _id: 1 })];
    await using server = await startScriptedMongo({ databases: { app: [{ name: "a", documents }] } });
    const stop = new AbortController();
    const answer = ({ name, db }: Command) => {
      if (name === "insert" && db.startsWith("core_backup_proof_")) stop.abort(new Error("told to stop"));
      return undefined;
    };
    await using target = await startScriptedMongo({ databases: { kept: [] }, answer });
    await using opened = await openMongodb(
      { uri: server.uri, databases: ["app"], prove_uri_env: "URI" },
      { URI: target.uri },
    );
    const [archive] = (await opened.collect("app")).items;
    if (archive === undefined) throw new Error("nothing was collected");
    const proving = opened.connector.prove(archive.artifact, bytesOf(archive.bytes), {
      full: true,
      signal: stop.signal,
    });
    await assert.rejects(proving, /told to stop/);
    assert.deepEqual([...target.databases.keys()], ["kept"]);
  });

  const faulty: Readonly<Record<string, readonly [(command: Command) => Document | undefined, RegExp]>> = {
    "a server that loses a document": [
      ({ name, body }) => (name === "insert" && body.insert === "a" ? { n: 1 } : undefined),
      /0 documents of a came out instead of 2/,
    ],
    "a server that refuses a document": [
      ({ name }) => (name === "insert" ? { n: 0, writeErrors: [{ index: 0, code: 2, errmsg: "no" }] } : undefined),
      /a document was refused: no/,
    ],
    "a server that changes an index": [
      ({ name, db }) =>
        name === "listIndexes" && db !== "app"
          ? { cursor: { id: new BSON.Long(0), ns: "x.a", firstBatch: [{ v: 2, key: { _id: 1 }, name: "_id_" }] } }
          : undefined,
      /an index of a did not come out/,
    ],
    "a server that does not know an option": [
      ({ name }) => (name === "create" ? { code: 72, errmsg: "unknown option" } : undefined),
      /unknown option/,
    ],
  };
  for (const [what, [answer, message]] of Object.entries(faulty)) {
    test(`${what} fails it, and its database is dropped`, async () => {
      const documents = [1, 2].map((n) => BSON.serialize({ _id: n }));
      const collections = [{ name: "a", documents, indexes: [{ v: 2, key: { n: 1 }, name: "n_1" }] }];
      await using server = await startScriptedMongo({ databases: { app: collections } });
      await using target = await startScriptedMongo({ databases: { kept: [] }, answer });
      await using opened = await openMongodb(
        { uri: server.uri, databases: ["app"], prove_uri_env: "URI" },
        { URI: target.uri },
      );
      const [archive] = (await opened.collect("app")).items;
      if (archive === undefined) throw new Error("nothing was collected");
      await assert.rejects(
        opened.prove(archive.artifact, archive.bytes, true),
        fails(IntegrityError, "PROOF_FAILED", message),
      );
      assert.deepEqual([...target.databases.keys()], ["kept"]);
    });
  }
});
