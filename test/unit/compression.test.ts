import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { type Bytes, bytesOf, readAll } from "../../lib/bytes.ts";
import { type Compression, compress, decompress, restoreCommand } from "../../lib/compression.ts";

const content = Buffer.concat([randomBytes(300_000), Buffer.alloc(3_000_000, "text that repeats ")]);
const LIMIT = 10_000_000;
const kinds: readonly Compression[] = [
  { type: "none", level: 0 },
  { type: "gzip", level: 6 },
  { type: "zstd", level: 3 },
];

async function* pieces(of: Uint8Array, size: number): Bytes {
  for (let at = 0; at < of.byteLength; at += size) yield of.subarray(at, at + size);
}

for (const kind of kinds) {
  for (const [name, size] of [
    ["whole", LIMIT],
    ["in chunks", 65_536],
    ["in small pieces", 997],
  ] as const) {
    test(`${kind.type} gives back what it was fed ${name}`, async () => {
      const packed = await readAll(compress(pieces(content, size), kind), LIMIT);
      const plain = await readAll(decompress(pieces(packed, size), kind.type), LIMIT);
      assert.deepEqual(Buffer.from(plain), content);
    });
  }

  test(`${kind.type} gives back nothing for nothing`, async () => {
    const packed = await readAll(compress(bytesOf(""), kind), LIMIT);
    assert.equal((await readAll(decompress(bytesOf(packed), kind.type), LIMIT)).byteLength, 0);
  });

  test(`${kind.type} passes on the source's own error and releases the source when stopped early`, async () => {
    let released = 0;
    async function* source(fails: boolean): Bytes {
      try {
        for (let n = 0; n < 100; n += 1) {
          yield randomBytes(65_536);
          if (fails && n === 50) throw new Error("the source broke");
        }
      } finally {
        released += 1;
      }
    }
    await assert.rejects(readAll(compress(source(true), kind), LIMIT), /the source broke/);
    for await (const _ of compress(source(false), kind)) break;
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(released, 2);
  });
}

for (const type of ["gzip", "zstd"] as const) {
  test(`little content takes little memory, ${type}`, async () => {
    const packed = await readAll(compress(bytesOf("little"), { type, level: 3 }), LIMIT);
    for (const stream of [
      compress(bytesOf("little"), { type, level: 3 }),
      decompress(bytesOf(packed), type, "little".length),
    ]) {
      for await (const piece of stream)
        assert.ok(piece.buffer.byteLength < 100_000, `${piece.buffer.byteLength} bytes`);
    }
  });

  test(`a ${type} stream that is cut short or flipped throws`, async () => {
    const packed = Buffer.from(await readAll(compress(bytesOf(content), { type, level: 3 }), LIMIT));
    await assert.rejects(readAll(decompress(bytesOf(packed.subarray(0, -1)), type), LIMIT), "cut by one byte");
    await assert.rejects(readAll(decompress(bytesOf(packed.subarray(0, 1000)), type), LIMIT), "cut early");
    const flipped = Buffer.from(packed);
    flipped[200_000] = (flipped[200_000] ?? 0) ^ 1;
    await assert.rejects(readAll(decompress(bytesOf(flipped), type), LIMIT), "one bit flipped");
  });
}

test("the foreign programs read what is written, and the other way round", async () => {
  for (const [type, program] of [
    ["gzip", "gzip"],
    ["zstd", "zstd"],
  ] as const) {
    const packed = await readAll(compress(bytesOf(content), { type, level: 3 }), LIMIT);
    assert.deepEqual(execFileSync(program, ["-dc"], { input: packed, maxBuffer: LIMIT }), content);
    const theirs = execFileSync(program, ["-c"], { input: content, maxBuffer: LIMIT });
    assert.deepEqual(Buffer.from(await readAll(decompress(bytesOf(theirs), type), LIMIT)), content);
  }
});

test("the restore command is one that a shell takes, whatever the name", () => {
  assert.equal(
    restoreCommand("git clone --mirror {}", "repository.bundle", "none"),
    "git clone --mirror repository.bundle",
  );
  assert.equal(restoreCommand("tar -xpf {}", "files.tar.zst", "zstd"), "zstd -d files.tar.zst && tar -xpf files.tar");
  assert.equal(
    restoreCommand("tar -xpf {}", "it's.tar.gz", "gzip"),
    "gunzip -k 'it'\\''s.tar.gz' && tar -xpf 'it'\\''s.tar'",
  );
});
