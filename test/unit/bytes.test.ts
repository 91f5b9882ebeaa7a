import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { type Bytes, bytesOf, measure, measureAll, readAll, rechunk } from "../../lib/bytes.ts";

const content = Buffer.from(Array.from({ length: 1000 }, (_, n) => n % 251));

async function* pieces(size: number): Bytes {
  for (let at = 0; at < content.length; at += size) yield content.subarray(at, at + size);
}

for (const [name, size] of [
  ["whole", 1000],
  ["in chunks", 64],
  ["byte by byte", 1],
] as const) {
  test(`a stream fed ${name} measures the same`, async () => {
    const { bytes, sha256 } = await measureAll(pieces(size));
    assert.equal(bytes, 1000);
    assert.equal(sha256, createHash("sha256").update(content).digest("hex"));
  });

  test(`a stream fed ${name} comes out in pieces of the asked size with the same bytes`, async () => {
    const sizes: number[] = [];
    const out: Uint8Array[] = [];
    for await (const piece of rechunk(pieces(size), 300)) {
      sizes.push(piece.byteLength);
      out.push(Uint8Array.from(piece));
    }
    assert.deepEqual(sizes, [300, 300, 300, 100]);
    assert.deepEqual(Buffer.concat(out), content);
  });
}

test("an empty stream measures as empty and gives no pieces", async () => {
  assert.deepEqual(await measureAll(bytesOf("")), { bytes: 0, sha256: createHash("sha256").digest("hex") });
  for await (const piece of rechunk(bytesOf(""))) assert.fail(`a piece of ${piece.byteLength}`);
});

test("a measure asked for before the end is refused", async () => {
  const measured = measure(pieces(100));
  for await (const _ of measured.bytes) break;
  assert.throws(() => measured.result(), /before its end/);
});

test("stopping a regrouped, measured stream early releases its source", async () => {
  let released = false;
  async function* source(): Bytes {
    try {
      for (;;) yield content;
    } finally {
      released = true;
    }
  }
  for await (const _ of rechunk(measure(source()).bytes, 64)) break;
  assert.equal(released, true);
});

test("reading into memory stops at the limit", async () => {
  assert.equal((await readAll(pieces(64), 1000)).byteLength, 1000);
  await assert.rejects(readAll(pieces(64), 999), /more than the 999 bytes/);
});
