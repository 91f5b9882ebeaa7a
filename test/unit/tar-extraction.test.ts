import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import type { Bytes } from "../../lib/bytes.ts";
import { watchArchive } from "../../lib/tar/extraction.ts";
import { temporaryFolder } from "../support/stores.ts";

describe("an archive on its way into a tar that ends before its input does", () => {
  test("is read to its end when tar had the end mark", async () => {
    const archive = await anArchive();
    const source = watched([archive, Buffer.alloc(512)]);
    const { bytes, assertWhole } = watchArchive(source.bytes, { entry: () => {} });
    await takeOne(bytes);
    await assertWhole();
    assert.deepEqual(source.told, { pieces: 2, ended: true, released: true });
  });

  test("fails with what the source says at its end", async () => {
    const source = watched([await anArchive()], new Error("other bytes than were stored"));
    const { bytes, assertWhole } = watchArchive(source.bytes, { entry: () => {} });
    await takeOne(bytes);
    await assert.rejects(assertWhole(), /other bytes than were stored/);
  });

  test("is not whole, and let go of, when tar had no end mark", async () => {
    const archive = await anArchive();
    const source = watched([archive.subarray(0, 512), archive.subarray(512)]);
    const { bytes, assertWhole } = watchArchive(source.bytes, { entry: () => {} });
    await takeOne(bytes);
    await assert.rejects(assertWhole(), /tar stopped reading before the archive's end/);
    assert.deepEqual(source.told, { pieces: 1, ended: false, released: true });
  });

  test("is not whole when tar asked for nothing", async () => {
    const { assertWhole } = watchArchive(watched([await anArchive()]).bytes, { entry: () => {} });
    await assert.rejects(assertWhole(), /tar stopped reading/);
  });
});

async function takeOne(bytes: Bytes): Promise<void> {
  for await (const _ of bytes) break;
}

/** A source that counts what is asked of it, and throws `fault` where it would end. */
function watched(pieces: readonly Uint8Array[], fault?: Error) {
  const told = { pieces: 0, ended: false, released: false };
  async function* bytes(): Bytes {
    try {
      for (const piece of pieces) {
        told.pieces += 1;
        yield piece;
      }
      told.ended = true;
      if (fault !== undefined) throw fault;
    } finally {
      told.released = true;
    }
  }
  return { told, bytes: bytes() };
}

async function anArchive(): Promise<Buffer> {
  await using folder = await temporaryFolder();
  await writeFile(join(folder.path, "a.txt"), "hello\n");
  return execFileSync("tar", ["-cf", "-", "-C", folder.path, "a.txt"]);
}
