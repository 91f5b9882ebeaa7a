import assert from "node:assert/strict";
import { test } from "node:test";
import { crc32 } from "node:zlib";
import type { Bytes } from "../../../lib/bytes.ts";
import { MAX_PARTS, partBytes, partsOf } from "../../../lib/storage/s3/parts.ts";
import { oddPieces, patternBytes, reusingItsBuffer } from "../../support/bytes.ts";

const MiB = 1024 * 1024;
const GiB = 1024 * MiB;
const TiB = 1024 * GiB;

test("10,000 parts reach past 5 TiB, and no part is larger than TLS takes at once or smaller than the one before", () => {
  let total = 0;
  let before = 0;
  for (let number = 1; number <= MAX_PARTS; number += 1) {
    const size = partBytes(number);
    assert.ok(size >= before && size >= 5 * MiB && size <= GiB, `${number}: ${size}`);
    before = size;
    total += size;
  }
  assert.ok(total >= 5 * TiB, `${total / TiB} TiB`);
  assert.equal(partBytes(1_500), 8 * MiB);
  assert.equal(partBytes(1_501), 16 * MiB);
  assert.equal(partBytes(MAX_PARTS), GiB);
});

test("parts hold what was given, in sizes that grow, whatever the pieces", async () => {
  const sizes = (number: number) => (number <= 2 ? 1_000 : 3_000);
  for (const length of [0, 1, 999, 1_000, 1_001, 2_000, 5_000, 5_001, 12_345]) {
    const content = patternBytes(length);
    for (const body of [oddPieces(content), reusingItsBuffer(content)]) {
      const got: Buffer[] = [];
      let number = 0;
      for await (const part of partsOf(body, sizes)) {
        number += 1;
        assert.equal(part.number, number);
        assert.equal(part.crc32, crc32(part.bytes));
        got.push(Buffer.from(part.bytes));
        assert.equal(part.crc32SoFar, crc32(Buffer.concat(got)));
        part.release();
      }
      assert.deepEqual(Buffer.concat(got), Buffer.from(content));
      for (const [index, part] of got.slice(0, -1).entries()) assert.equal(part.byteLength, sizes(index + 1));
    }
  }
});

test("a part that is held stays as it is, and one that is released is used again", async () => {
  const content = patternBytes(8 * 1_000);
  const buffers = new Set<ArrayBufferLike>();
  let held: { bytes: Uint8Array; release(): void } | undefined;
  let start = 0;
  for await (const part of partsOf(oddPieces(content), () => 1_000)) {
    buffers.add(part.bytes.buffer);
    if (held !== undefined) {
      assert.deepEqual(Buffer.from(held.bytes), Buffer.from(content.subarray(start - 1_000, start)));
      held.release();
    }
    held = part;
    start += 1_000;
  }
  assert.equal(buffers.size, 2);
});

test("a body that is not read to its end is let go of", async () => {
  let released = false;
  const body = (async function* (): Bytes {
    try {
      for (;;) yield patternBytes(1_000);
    } finally {
      released = true;
    }
  })();
  for await (const _ of partsOf(body, () => 1_000)) break;
  assert.ok(released);
});
