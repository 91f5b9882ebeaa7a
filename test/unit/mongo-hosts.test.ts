import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { isMongoSrv, mongoHosts } from "../../lib/mongo-hosts.ts";

describe("the servers that a MongoDB URI names", () => {
  for (const [uri, ...expected] of [
    ["mongodb://db.example", "db.example:27017"],
    ["mongodb://u:p@one.example,two.example:27018/app?replicaSet=rs", "one.example:27017", "two.example:27018"],
    // The last @ before the path ends the credentials, as drivers read it.
    ["mongodb://u:p@ss@db.example/?authSource=a@b", "db.example:27017"],
    ["mongodb://[fd00::1]:27018,[fd00::2]/", "fd00::1:27018", "fd00::2:27017"],
    ["mongodb://%2Ftmp%2Fmongodb-27017.sock,db.example/", "db.example:27017"],
    ["mongodb+srv://u:p@cluster.example/app", "cluster.example:27017"],
    ["http://db.example"],
  ] as const)
    test(uri, () => {
      assert.deepEqual(
        mongoHosts(uri).map(({ host, port }) => `${host}:${port}`),
        expected,
      );
    });

  test("are asked for, where it is a domain of mongodb+srv", () => {
    assert.ok(isMongoSrv("mongodb+srv://cluster.example/"));
    assert.ok(!isMongoSrv("mongodb://cluster.example/"));
  });
});
