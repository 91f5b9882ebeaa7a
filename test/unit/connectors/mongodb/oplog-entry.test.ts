import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { BSON, type Document } from "mongodb";
import { entryOf, notReplayable } from "../../../../lib/connectors/mongodb/oplog-entry.ts";

const bytesOf = (entry: Document) => Buffer.from(BSON.serialize(entry));
const write = (ns: string) => ({ op: "i", ns, o: { _id: 1 }, o2: { "0": 1 } });
const transaction = (o: Document, more: Document = {}) => ({ ...more, op: "c", ns: "admin.$cmd", o });
const NONE = { ts: new BSON.Timestamp({ t: 0, i: 0 }), t: new BSON.Long(-1) };
const BEFORE = { ts: new BSON.Timestamp({ t: 9, i: 1 }), t: new BSON.Long(1) };

describe("of an entry, for one database", () => {
  const whole: Readonly<Record<string, Document>> = {
    "a write": write("app.a.b"),
    "a command": { op: "c", ns: "app.$cmd", o: { create: "b" } },
    "a transaction of its own": transaction({ applyOps: [write("app.a"), write("app.$cmd")] }),
    "the end of a transaction that was prepared": transaction({ commitTransaction: 1 }),
    "the end of one that was given up": transaction({ abortTransaction: 1 }),
  };
  for (const [what, entry] of Object.entries(whole)) {
    test(`${what} is left as it is`, () => {
      const bytes = bytesOf(entry);
      assert.equal(entryOf(bytes, "app"), bytes);
    });
  }

  const foreign: Readonly<Record<string, Document>> = {
    "a write to a database whose name begins like it": write("app2.a"),
    "a command on another database": transaction({ create: "b" }),
    "a transaction of others": transaction({ applyOps: [write("other.a")] }, { prevOpTime: NONE }),
  };
  for (const [what, entry] of Object.entries(foreign)) {
    test(`${what} is left out`, () => assert.equal(entryOf(bytesOf(entry), "app"), undefined));
  }

  test("a transaction of several has its own writes, and all else as it was", () => {
    const more = { lsid: { id: new BSON.UUID() }, txnNumber: new BSON.Long(7), prevOpTime: NONE };
    const applyOps = [write("other.a"), write("app.a"), write("other.b"), write("app.b")];
    const found = entryOf(bytesOf(transaction({ applyOps, count: 4 }, more)), "app");
    const wanted = transaction({ applyOps: [applyOps[1], applyOps[3]], count: 4 }, more);
    assert.deepEqual(found, bytesOf(wanted));
  });

  test("an entry of a transaction that has more of them stays, if with no write", () => {
    const applyOps = [write("other.a")];
    for (const [o, prevOpTime] of [
      [{ partialTxn: true }, NONE],
      [{ prepare: true }, NONE],
      [{}, BEFORE],
    ] as const) {
      const found = entryOf(bytesOf(transaction({ applyOps, ...o }, { prevOpTime })), "app");
      assert.deepEqual(found, bytesOf(transaction({ applyOps: [], ...o }, { prevOpTime })));
    }
  });
});

test("a rename, which no copy survives, is known by its name, and a write is none", () => {
  const rename = { op: "c", ns: "app.$cmd", o: { renameCollection: "app.a", to: "app.b" } };
  assert.equal(notReplayable(bytesOf(rename)), "renameCollection on app.$cmd");
  assert.equal(notReplayable(bytesOf(write("app.a"))), undefined);
});

test("a command that mongorestore does not know, at which it would end, is known before; those that it knows are none", () => {
  const command = (o: Document) => ({ op: "c", ns: "app.$cmd", o });
  assert.equal(notReplayable(bytesOf(command({ truncateRange: "app.a" }))), "truncateRange on app.$cmd");
  const inner = [write("app.a"), command({ renameCollection: "app.a", to: "app.b" })];
  assert.equal(notReplayable(bytesOf(transaction({ applyOps: inner }))), "renameCollection on app.$cmd");
  for (const o of [
    { create: "a" },
    { commitIndexBuild: "a", indexes: [] },
    { startIndexBuild: "a" },
    { setMultikeyMetadata: "a" },
    { collMod: "a" },
    { dropDatabase: 1 },
    { applyOps: [write("app.a")] },
  ])
    assert.equal(notReplayable(bytesOf(command(o))), undefined, JSON.stringify(o));
});
