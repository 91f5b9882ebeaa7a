import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { mongodbOptions } from "../../../../lib/connectors/mongodb/options.ts";

const faults = (options: object): string[] =>
  (mongodbOptions.safeParse(options).error?.issues ?? []).map(({ path, message }) => `${path.join(".")}: ${message}`);

test("the sample of the original design is right, and names one database", () => {
  const options = mongodbOptions.parse({
    uri_env: "MONGO_URI",
    databases: [{ name: "app", dump_strategy: "mongodump" }],
  });
  assert.deepEqual(options.databases, [{ name: "app", dump_strategy: "mongodump" }]);
  assert.deepEqual([options.dump_strategy, options.oplog, options.users_and_roles], ["auto", false, false]);
});

describe("a URI", () => {
  test("may stand in the configuration when it holds no secret", () => {
    for (const uri of [
      "mongodb://db1,db2:27018/?replicaSet=rs0",
      "mongodb+srv://user@cluster.example/?authMechanism=MONGODB-X509",
    ]) {
      assert.deepEqual(faults({ uri }), []);
    }
  });

  test("with a password, a key's password or a session token is refused, and not repeated", () => {
    for (const uri of [
      "mongodb://user:hunter2@db/app",
      "mongodb://us%40er:hunter2@db",
      "mongodb://db/?tls=true&tlsCertificateKeyFilePassword=hunter2",
      "mongodb://db/?authMechanism=MONGODB-AWS&authMechanismProperties=AWS_SESSION_TOKEN:hunter2",
    ]) {
      const [fault = ""] = faults({ uri });
      assert.match(fault, /^uri: holds a password/);
      assert.ok(!fault.includes("hunter2"));
    }
  });

  test("of another kind, or none at all, is refused", () => {
    assert.match(faults({ uri: "postgres://db" }).join(), /must begin with mongodb:\/\//);
    assert.match(faults({}).join(), /uri_env: is missing/);
  });
});

describe("databases", () => {
  const uri_env = "MONGO_URI";

  test("are names, or mappings with more, each once", () => {
    assert.deepEqual(faults({ uri_env, databases: ["app", { name: "logs", collections: ["events.*"] }] }), []);
    assert.match(
      faults({ uri_env, databases: ["app", { name: "App" }] }).join(),
      /databases\.1: the same database as databases\[0\]/,
    );
  });

  test("have names that a server would take", () => {
    for (const name of ["", "a b", "a.b", "a/b", "$x", "x".repeat(64)])
      assert.notDeepEqual(faults({ uri_env, databases: [{ name }] }), []);
    assert.deepEqual(faults({ uri_env, databases: ["ünï-1_"] }), []);
  });

  test("are all or some, so exclude_databases and databases exclude each other", () => {
    assert.deepEqual(faults({ uri_env, exclude_databases: ["test_*"] }), []);
    assert.match(
      faults({ uri_env, databases: ["app"], exclude_databases: ["x"] }).join(),
      /is for a job of all databases/,
    );
  });

  test("with a query are not for mongodump", () => {
    const query = { events: { at: { $gte: { $date: "2026-01-01T00:00:00Z" } } } };
    assert.deepEqual(faults({ uri_env, databases: [{ name: "app", query }] }), []);
    assert.match(faults({ uri_env, databases: [{ name: "app", query, dump_strategy: "mongodump" }] }).join(), /query/);
    assert.match(faults({ uri_env, dump_strategy: "mongodump", databases: [{ name: "app", query }] }).join(), /query/);
    assert.notDeepEqual(faults({ uri_env, databases: [{ name: "app", query: { events: "no mapping" } }] }), []);
  });

  test("of which only a part is stored cannot be brought to one point in time by an oplog", () => {
    for (const part of [{ collections: ["a"] }, { exclude_collections: ["a"] }, { query: { a: {} } }]) {
      assert.match(faults({ uri_env, oplog: true, databases: [{ name: "app", ...part }] }).join(), /oplog/);
    }
    assert.deepEqual(faults({ uri_env, oplog: true, databases: ["app"] }), []);
  });

  test("are read from the primary with an oplog", () => {
    assert.match(
      faults({ uri_env, oplog: true, read_preference: "nearest" }).join(),
      /read_preference: must be primary/,
    );
    assert.deepEqual(faults({ uri_env, oplog: true, read_preference: "primary" }), []);
  });
});
