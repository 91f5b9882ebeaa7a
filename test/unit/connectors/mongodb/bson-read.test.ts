import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { BsonFault, bsonElements, checkBson } from "../../../../lib/connectors/mongodb/bson-read.ts";
import { documentOfEveryType, everyBsonType } from "../../../support/every-bson-type.ts";

test("every element of a document is found, with its name, in its order", () => {
  const names = Array.from(bsonElements(documentOfEveryType(7)), ({ name }) => name);
  assert.deepEqual(names, ["_id", ...Object.keys(everyBsonType), "undefined", "pointer"]);
});

test("a document of every type is accepted", () => {
  checkBson(documentOfEveryType(7));
});

test("a document that is cut short is refused wherever it is cut", () => {
  const whole = documentOfEveryType(7);
  for (let length = 0; length < whole.byteLength; length += 1) {
    const cut = Buffer.from(whole.subarray(0, length));
    if (length >= 4) cut.writeInt32LE(length);
    if (length >= 5) cut[length - 1] = 0;
    // Cut between two elements, and ended there, it is a document.
    if (isWhole(cut)) continue;
    assert.throws(() => checkBson(cut), BsonFault);
  }
});

test("whatever the bytes, the answer is that they are a document or a BsonFault", () => {
  const whole = documentOfEveryType(7);
  fc.assert(
    fc.property(fc.nat(whole.byteLength - 1), fc.nat(255), (at, byte) => {
      const broken = Buffer.from(whole);
      broken[at] = byte;
      for (const check of [() => checkBson(broken), () => Array.from(bsonElements(broken))]) {
        try {
          check();
        } catch (error) {
          assert.ok(error instanceof BsonFault, String(error));
        }
      }
    }),
    { numRuns: 2_000 },
  );
});

const wrong: Readonly<Record<string, string>> = {
  "a length that is too long": "06000000 00",
  "a length that is too short": "0500000000 00",
  "no zero byte at its end": "0500000001",
  "an unknown type": "09000000 20610000 00",
  "a name without an end": "08000000 10616161",
  "a string longer than the document": "0f000000 026100 ff000000 610000",
  "a string without a zero byte": "0e000000 026100 02000000 6161 00",
  "a string of no length": "0c000000 026100 00000000 00",
  "a boolean that is neither": "09000000 086100 0200",
  "a nested document that ends too late": "0d000000 036100 0600000000 00",
};
for (const [what, bytes] of Object.entries(wrong)) {
  test(`${what} is refused`, () => {
    assert.throws(() => checkBson(Buffer.from(bytes.replaceAll(" ", ""), "hex")), BsonFault);
  });
}

test("documents nested without end are refused, not followed", () => {
  let nested = Buffer.from("0500000000", "hex");
  for (let depth = 0; depth < 5_000; depth += 1) {
    const length = Buffer.alloc(4);
    length.writeInt32LE(nested.byteLength + 8);
    nested = Buffer.concat([length, Buffer.from("036100", "hex"), nested, Buffer.alloc(1)]);
  }
  assert.throws(() => checkBson(nested), BsonFault);
});

function isWhole(bytes: Buffer): boolean {
  try {
    return Array.from(bsonElements(bytes)).length >= 0;
  } catch {
    return false;
  }
}
