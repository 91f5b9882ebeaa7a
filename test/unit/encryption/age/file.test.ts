import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { type Bytes, bytesOf, readAll } from "../../../../lib/bytes.ts";
import { openFile, sealFile } from "../../../../lib/encryption/age/file.ts";
import { readFileStart } from "../../../../lib/encryption/age/file-start.ts";
import { unwrapX25519, wrapForX25519, x25519Identity } from "../../../../lib/encryption/age/x25519.ts";
import { DecryptionFault } from "../../../../lib/encryption/encryption.ts";
import { EncryptionError } from "../../../../lib/errors.ts";
import { collected, failingAfter, oddPieces, patternBytes, watched } from "../../../support/bytes.ts";

const KEY = x25519Identity("AGE-SECRET-KEY-1EGTZVFFV20835NWYV6270LXYVK2VKNX2MMDKWYKLMGR48UAWX40Q2P2LM0");
assert.ok(KEY !== undefined);
const identity = KEY;
const CHUNK = 64 * 1024;
const LIMIT = 64 * 1024 * 1024;

const seal = (plain: Bytes): Promise<Uint8Array> =>
  collected(sealFile(plain, [(fileKey) => wrapForX25519(fileKey, identity.publicKey)]));
const open = (sealed: Uint8Array, feed: (content: Uint8Array) => Bytes = bytesOf): Promise<Uint8Array> =>
  readAll(openFile(feed(sealed), [(stanza) => unwrapX25519(stanza, identity)]), LIMIT);

test("what is sealed opens to the same bytes, whatever length and pieces it has", async () => {
  const sizes = fc.oneof(fc.nat(300_000), fc.constantFrom(0, CHUNK - 1, CHUNK, CHUNK + 1, 16 * CHUNK, 16 * CHUNK + 1));
  await fc.assert(
    fc.asyncProperty(sizes, async (size) => {
      const plain = patternBytes(size);
      assert.deepEqual(Buffer.from(await open(await seal(oddPieces(plain)), oddPieces)), Buffer.from(plain));
    }),
    { numRuns: 40 },
  );
});

test("little content takes little memory", async () => {
  const sealed = await seal(bytesOf("little"));
  for (const stream of [
    sealFile(bytesOf("little"), [(fileKey) => wrapForX25519(fileKey, identity.publicKey)]),
    openFile(bytesOf(sealed), [(stanza) => unwrapX25519(stanza, identity)]),
  ]) {
    for await (const piece of stream)
      assert.ok(piece.buffer.byteLength < 100_000, `${piece.buffer.byteLength} bytes for ${piece.byteLength}`);
  }
});

test("one flipped bit anywhere is refused", async () => {
  const sealed = await seal(bytesOf(patternBytes(2 * CHUNK + 100)));
  const { header, release } = await readFileStart(bytesOf(sealed));
  await release();
  const headerEnd = header.covered.byteLength + 1 + 43 + 1;
  // Every bit of what is not payload, and a sample of the rest with the ends of each chunk.
  const payload = headerEnd + 16;
  const chunkEnds = [0, 1, 2].map((n) => payload + n * (CHUNK + 16));
  const places = [
    ...Array.from({ length: payload }, (_, n) => n),
    ...chunkEnds.flatMap((end) => [end, end + 1, end + 100, end - 1, end - 16, end - 17]),
    sealed.byteLength - 1,
    sealed.byteLength - 16,
    sealed.byteLength - 17,
  ];
  for (const place of places.filter((one) => one < sealed.byteLength)) {
    for (let bit = 0; bit < 8; bit += 1) {
      const changed = Uint8Array.from(sealed);
      changed[place] = (changed[place] ?? 0) ^ (1 << bit);
      await assert.rejects(open(changed), isRefusal, `bit ${bit} of byte ${place}`);
    }
  }
});

test("an end that is cut off is refused, also right between two chunks", async () => {
  for (const size of [CHUNK, 2 * CHUNK, 16 * CHUNK, 17 * CHUNK]) {
    const sealed = await seal(bytesOf(patternBytes(size)));
    const begin = sealed.byteLength - (size / CHUNK) * (CHUNK + 16);
    for (let chunks = 0; chunks < size / CHUNK; chunks += 1) {
      for (const more of [0, 1, 15, 16, 17]) {
        const cut = sealed.subarray(0, begin + chunks * (CHUNK + 16) + more);
        await assert.rejects(open(cut), DecryptionFault, `${size} cut to ${chunks} chunks and ${more} bytes`);
      }
    }
    for (let end = 0; end < begin; end += 1) await assert.rejects(open(sealed.subarray(0, end)), DecryptionFault);
  }
});

test("chunks that change places, come twice or are followed by more are refused", async () => {
  const sealed = await seal(bytesOf(patternBytes(3 * CHUNK)));
  const size = CHUNK + 16;
  const start = sealed.subarray(0, sealed.byteLength - 3 * size);
  const [one, two, three] = [3, 2, 1].map((n) => sealed.subarray(sealed.byteLength - n * size).subarray(0, size));
  assert.ok(one && two && three);
  for (const order of [
    [two, one, three],
    [one, one, three],
    [one, three],
    [three],
    [one, two, three, three],
    [one, three, two],
  ]) {
    await assert.rejects(open(Buffer.concat([start, ...order])), DecryptionFault);
  }
  await assert.rejects(open(Buffer.concat([sealed, Buffer.from("x")])), DecryptionFault);
  await open(Buffer.concat([start, one, two, three]));
});

test("nothing comes out of a chunk before it was found authentic", async () => {
  const sealed = await seal(bytesOf(patternBytes(20 * CHUNK)));
  const changed = Uint8Array.from(sealed);
  changed[sealed.byteLength - 1] = (changed[sealed.byteLength - 1] ?? 0) ^ 1;
  let heard = 0;
  await assert.rejects(async () => {
    for await (const piece of openFile(bytesOf(changed), [(stanza) => unwrapX25519(stanza, identity)])) {
      assert.deepEqual(
        Buffer.from(piece),
        Buffer.from(patternBytes(20 * CHUNK).subarray(heard, heard + piece.byteLength)),
      );
      heard += piece.byteLength;
    }
  }, DecryptionFault);
  assert.equal(heard, 16 * CHUNK);
});

test("a source that fails fails the encrypted stream, which never gets an end", async () => {
  const error = new Error("the dump died");
  await assert.rejects(seal(failingAfter(3 * CHUNK, error)), (thrown) => thrown === error);
});

test("stopping early, and a key that does not fit, let go of the source", async () => {
  const plain = watched(bytesOf(patternBytes(40 * CHUNK)));
  for await (const _ of sealFile(plain.bytes, [(fileKey) => wrapForX25519(fileKey, identity.publicKey)])) {
    if (plain.state.begun) break;
  }
  assert.ok(plain.state.released);
  const unread = watched(bytesOf(patternBytes(CHUNK)));
  for await (const _ of sealFile(unread.bytes, [(fileKey) => wrapForX25519(fileKey, identity.publicKey)])) break;
  assert.deepEqual(unread.state, { begun: false, released: true });
  const unwrapped = watched(bytesOf(patternBytes(CHUNK)));
  await assert.rejects(
    readAll(sealFile(unwrapped.bytes, [() => Promise.reject(new Error("no key"))]), LIMIT),
    /no key/,
  );
  assert.ok(unwrapped.state.released);
  const content = await seal(bytesOf(patternBytes(40 * CHUNK)));
  const sealed = watched(oddPieces(content));
  for await (const _ of openFile(sealed.bytes, [(stanza) => unwrapX25519(stanza, identity)])) break;
  assert.ok(sealed.state.released);
  const other = watched(oddPieces(content));
  await assert.rejects(readAll(openFile(other.bytes, []), LIMIT), EncryptionError);
  assert.ok(other.state.released);
});

test("two files of the same bytes have nothing in common", async () => {
  const [one, two] = [await seal(bytesOf("same")), await seal(bytesOf("same"))];
  assert.notDeepEqual(one.subarray(-20), two.subarray(-20));
});

const isRefusal = (error: unknown): boolean =>
  error instanceof DecryptionFault || (error instanceof EncryptionError && error.code === "SEALED");
