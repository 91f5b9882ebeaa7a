import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { describe, test } from "node:test";
import {
  type ArchivedCollection,
  type ArchiveHead,
  archiveHead,
  type BlockHeader,
  blockHeaderBytes,
  preludeBytes,
  terminator,
} from "../../../../lib/connectors/mongodb/archive-format.ts";
import { archiveParser } from "../../../../lib/connectors/mongodb/archive-parser.ts";
import {
  booleanElement,
  bsonDocument,
  int32Element,
  int64Element,
  textElement,
} from "../../../../lib/connectors/mongodb/bson-write.ts";
import { crc64 } from "../../../../lib/connectors/mongodb/crc64.ts";
import { CodedError } from "../../../../lib/errors.ts";
import { documentOfEveryType } from "../../../support/every-bson-type.ts";
import { rewritten } from "../../../support/mongo-archive.ts";

const HEAD = archiveHead({ concurrentCollections: 2, serverVersion: "7.0.0-rc1+x", toolVersion: "core-backup 1.2.3" });
const one: ArchivedCollection = {
  db: "app",
  collection: "one",
  metadata: '{"indexes":[]}',
  size: 0,
  type: "collection",
};
const two: ArchivedCollection = { ...one, collection: "two" };
const users: ArchivedCollection = { ...one, collection: "$admin.system.users", metadata: "", type: "" };
const oplog: ArchivedCollection = { db: "", collection: "oplog", metadata: "", size: 0, type: "" };
const documents = [1, 2, 3].map(documentOfEveryType);

const head = (changes: Partial<ArchiveHead> = {}, ...collections: readonly ArchivedCollection[]) =>
  preludeBytes({ ...HEAD, ...changes }, collections);
const header = (of: ArchivedCollection, changes: Partial<BlockHeader> = {}) =>
  blockHeaderBytes({ db: of.db, collection: of.collection, isEnd: false, crc: 0n, ...changes });
const block = (of: ArchivedCollection, ...content: readonly Buffer[]) =>
  Buffer.concat([header(of), ...content, terminator]);
const end = (of: ArchivedCollection, ...content: readonly Buffer[]) =>
  Buffer.concat([header(of, { isEnd: true, crc: sumOf(content) }), terminator]);
const archive = (...parts: readonly Buffer[]) => Buffer.concat(parts);

const parse = (bytes: Uint8Array, size = bytes.byteLength) => {
  const parser = archiveParser({ deep: true });
  for (let at = 0; at < bytes.byteLength; at += size) parser.push(bytes.subarray(at, at + size));
  return parser.end();
};
const refused = (bytes: Uint8Array, message: RegExp) => {
  for (const size of [bytes.byteLength, 1]) {
    assert.throws(
      () => parse(bytes, size),
      (error) =>
        error instanceof CodedError && /^SOURCE_(CORRUPT|TRUNCATED)$/.test(error.code) && message.test(error.message),
    );
  }
};

const GOOD = archive(
  head({}, one, two, oplog),
  block(one, ...documents.slice(0, 2)),
  block(two, ...documents),
  block(one, ...documents.slice(2)),
  end(one, ...documents),
  end(two, ...documents),
  end(oplog),
);

describe("an archive that is right", () => {
  test("is read in pieces of any size, and counted", () => {
    for (const size of [GOOD.byteLength, 4_096, 7, 1]) {
      const found = parse(GOOD, size).namespaces.map(({ text, documents: count, bytes }) => [text, count, bytes]);
      const bytes = Buffer.concat(documents).byteLength;
      assert.deepEqual(found, [
        ["app.one", 3, bytes],
        ["app.two", 3, bytes],
        ["oplog", 0, 0],
      ]);
    }
  });

  test("is the same when it is written anew from what was understood", () => {
    assert.ok(rewritten(GOOD, 1_000).equals(GOOD));
  });

  test("may hold nothing", () => {
    assert.deepEqual(parse(head()).namespaces, []);
  });

  test("may end a namespace without a block before it, and lack types and metadata", () => {
    const { type: _, ...untyped } = one;
    parse(archive(head({}, { ...untyped, type: undefined, metadata: "" }), end(one)));
  });

  test("may have a time series under the name of its buckets", () => {
    const series = { ...one, type: "timeseries" };
    const buckets = { ...series, collection: "system.buckets.one" };
    const [namespace] = parse(
      archive(head({}, series), block(buckets, ...documents), end(buckets, ...documents)),
    ).namespaces;
    assert.deepEqual([namespace?.text, namespace?.documents], ["app.one", 3]);
  });

  test("may hold documents of 16 MiB", () => {
    const large = documentOf(16 * 1024 * 1024);
    parse(archive(head({}, one), block(one, large), end(one, large)), 65_536);
  });
});

describe("an archive that mongorestore would refuse, or wait on for ever, is refused", () => {
  const blockHeader = (...elements: readonly Buffer[]) =>
    bsonDocument(textElement("db", "app"), textElement("collection", "one"), ...elements);
  const cases: Readonly<Record<string, readonly [Buffer, RegExp]>> = {
    "other bytes in front": [archive(Buffer.from([0]), GOOD), /does not begin/],
    "more namespaces open than it announces": [
      archive(head({ concurrentCollections: 1 }, one, two), block(one), block(two), end(one), end(two)),
      /2 namespaces are open at once where it announces 1/,
    ],
    "a CRC that is an int32 in a block": [
      archive(head({}, one), blockHeader(booleanElement("EOF", false), int32Element("CRC", 0)), terminator, end(one)),
      /no CRC of the right type/,
    ],
    "a CRC that is an int32 at the end": [
      archive(head({}, one), blockHeader(booleanElement("EOF", true), int32Element("CRC", 0)), terminator),
      /no CRC of the right type/,
    ],
    "a field more in a namespace's header": [
      archive(
        head({}, one),
        blockHeader(booleanElement("EOF", false), int64Element("CRC", 0n), int32Element("more", 1)),
        terminator,
      ),
      /unknown field "more"/,
    ],
    "a CRC of other documents": [
      archive(head({}, one), block(one, ...documents), end(one, ...documents.slice(1))),
      /the CRC of app\.one is/,
    ],
    "no end of a namespace": [archive(head({}, one), block(one, ...documents)), /never ended/],
    "a collection that never comes": [
      archive(head({}, one, two), block(one), end(one)),
      /app\.two is announced but never ended/,
    ],
    "a namespace again after its end": [
      archive(head({}, one), end(one), block(one), end(one)),
      /goes on after its end/,
    ],
    "a namespace that was not announced": [
      archive(head({}, one), end(one), block(two), end(two)),
      /app\.two is not announced/,
    ],
    "a collection that is announced twice": [archive(head({}, one, one), end(one)), /announced twice/],
    "two terminators in a row": [archive(head({}, one), block(one), terminator, end(one)), /a block without a header/],
    "documents behind an end": [
      archive(head({}, one), header(one, { isEnd: true }), documents[0] ?? terminator, terminator),
      /documents in the block that ends/,
    ],
    "a document of more than 16 MiB": [
      archive(head({}, one), header(one), documentOf(16 * 1024 * 1024 + 1)),
      /a document of 16777217 bytes/,
    ],
    "a document that is no BSON": [
      archive(head({}, one), block(one, Buffer.from("09000000206100000000".slice(0, 18), "hex"))),
      /is no BSON/,
    ],
    "users after an ordinary collection": [
      archive(head({}, one, users), end(one), end(users)),
      /begins after an ordinary collection/,
    ],
    "a collection after the oplog": [archive(head({}, one, oplog), end(oplog), end(one)), /begins after the oplog/],
    "metadata that is no JSON": [
      archive(head({}, { ...one, metadata: '{"a":{{}' }), end(one)),
      /metadata of one is not JSON/,
    ],
  };
  for (const [what, [bytes, message]] of Object.entries(cases)) test(what, () => refused(bytes, message));

  for (const version of ["unknown", "", "7.0"]) {
    test(`a server version of ${JSON.stringify(version)}`, () => {
      refused(archive(head({ serverVersion: version }, one), end(one)), /has not the form x\.y\.z/);
    });
  }

  test("one that is cut short, wherever", () => {
    for (let length = 0; length < GOOD.byteLength; length += 3)
      assert.throws(() => parse(GOOD.subarray(0, length)), CodedError, `${length} bytes`);
    for (let length = 1; length < 600; length += 13) refused(GOOD.subarray(0, -length), /./);
  });

  test("one with a single bit turned", () => {
    // The tool's version and the metadata are text that anything may be in.
    const from = GOOD.indexOf(terminator) + 4;
    for (let at = from; at < GOOD.byteLength; at += 3) {
      const broken = Buffer.from(GOOD);
      broken[at] = (broken[at] ?? 0) ^ 4;
      assert.throws(() => parse(broken), CodedError, `byte ${at}`);
    }
  });
});

describe("sample archives of the tools themselves", () => {
  const folder = path.join(import.meta.dirname, "../../../vectors/mongodb");
  for (const [name, expected] of [
    ["dump-w-oplog.archive", { "test.foo": 25, oplog: 18, "admin.system.version": 1 }],
    ["test.bar.archive", { "test.bar": 1, "admin.system.version": 1 }],
    [
      "timeseries_tests-dump.archive",
      { "admin.system.views": 0, "timeseries_test.foo_ts": 10, "admin.system.version": 1 },
    ],
  ] as const) {
    test(`${name} is read, its CRCs computed anew, and is the same when it is written anew`, () => {
      const bytes = readFileSync(path.join(folder, name));
      const counted = parse(bytes, 100).namespaces.map(({ text, documents: count }) => [text, count]);
      assert.deepEqual(Object.fromEntries(counted), expected);
      assert.ok(rewritten(bytes, 64).equals(bytes));
    });
  }

  test("bad-format.archive is refused for its metadata", () => {
    refused(readFileSync(path.join(folder, "bad-format.archive")), /the metadata of ixtest is not JSON/);
  });
});

function sumOf(content: readonly Buffer[]): bigint {
  const crc = crc64();
  for (const bytes of content) crc.update(bytes);
  return crc.value();
}

function documentOf(length: number): Buffer {
  const filler = "x".repeat(length - bsonDocument(textElement("t", "")).byteLength);
  return bsonDocument(textElement("t", filler));
}
