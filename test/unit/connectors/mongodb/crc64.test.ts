import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { crc64 } from "../../../../lib/connectors/mongodb/crc64.ts";

const sumOf = (...pieces: readonly Uint8Array[]): bigint => {
  const crc = crc64();
  for (const piece of pieces) crc.update(piece);
  return crc.value();
};

test("the check value of CRC-64/XZ comes out", () => {
  assert.equal(BigInt.asUintN(64, sumOf(Buffer.from("123456789"))), 0x995dc9bbdf1939fan);
});

test("the sum of nothing is 0", () => {
  assert.equal(sumOf(), 0n);
  assert.equal(sumOf(Buffer.alloc(0)), 0n);
});

test("the sum is the same as that of the definition, bit by bit, however the bytes are cut", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(), (bytes, at) => {
      const cut = at % (bytes.length + 1);
      assert.equal(sumOf(bytes.subarray(0, cut), bytes.subarray(cut)), bitByBit(bytes));
    }),
  );
});

test("more than a page of memory is summed up whole", () => {
  const bytes = Buffer.alloc(200_001, "a pattern that is no power of two long");
  assert.equal(sumOf(bytes), bitByBit(bytes));
});

function bitByBit(bytes: Uint8Array): bigint {
  let crc = (1n << 64n) - 1n;
  for (const byte of bytes) {
    crc ^= BigInt(byte);
    for (let bit = 0; bit < 8; bit += 1) crc = (crc & 1n) === 1n ? (crc >> 1n) ^ 0xc96c5795d7870f42n : crc >> 1n;
  }
  return BigInt.asIntN(64, crc ^ ((1n << 64n) - 1n));
}
