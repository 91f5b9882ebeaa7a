import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { open, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { crc32 } from "node:zlib";
import { filesystemStorage } from "../../../lib/storage/filesystem.ts";
import { readBack } from "../../../lib/storage/read-back.ts";
import { pattern } from "../../support/bytes.ts";
import { storeOnDisk, temporaryFolder } from "../../support/stores.ts";

const MiB = 1024 * 1024;
/** More than two syncs of a writer, so that reading goes on behind it. */
const LARGE = 150 * MiB;

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

test("what is read in steps behind the writer is measured as a whole", async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "file");
  const content = Buffer.alloc(3 * MiB + 17, "core-backup ");
  await writeFile(path, content);
  const back = readBack("reading", path);
  back.reached(1);
  back.reached(2 * MiB + 5);
  const measured = await back.end(content.byteLength);
  await back.close();
  assert.deepEqual(measured, { bytes: content.byteLength, crc32: crc32(content), sha256: sha256(content) });
});

test("nothing is read beyond what reached the disk", async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "file");
  await writeFile(path, Buffer.alloc(2 * MiB, "a"));
  const back = readBack("reading", path);
  back.reached(MiB);
  const file = await open(path, "r+");
  await file.write(Buffer.alloc(MiB, "b"), 0, MiB, MiB);
  await file.close();
  const { sha256: digest } = await back.end(2 * MiB);
  await back.close();
  assert.equal(digest, sha256(Buffer.concat([Buffer.alloc(MiB, "a"), Buffer.alloc(MiB, "b")])));
});

test("small files take small buffers, and one that is longer than was written is read to its end", async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "file");
  await writeFile(path, "little");
  const before = process.memoryUsage().arrayBuffers;
  const backs = Array.from({ length: 100 }, () => readBack("reading", path));
  for (const [expected, back] of backs.entries()) assert.equal((await back.end(expected)).bytes, "little".length);
  const taken = process.memoryUsage().arrayBuffers - before;
  for (const back of backs) await back.close();
  assert.ok(taken < 10_000_000, `${taken} bytes`);
});

test("a file that cannot be read is told at the end, and closing needs no reading", async () => {
  await using folder = await temporaryFolder();
  const back = readBack("storing x", join(folder.path, "absent"));
  back.reached(MiB);
  await assert.rejects(back.end(MiB), { code: "NOT_FOUND", message: /storing x/ });
  await back.close();
  await readBack("storing x", join(folder.path, "absent")).close();
});

test("a large object is digested as it lies on the disk, and one whose early bytes are changed is refused", async () => {
  await using subject = await storeOnDisk((basePath) => filesystemStorage({ basePath }));
  const { storage, basePath } = subject;
  const { bytes, sha256: digest } = await storage.put("job/a.bin", pattern(LARGE));
  const stored = await readFile(join(basePath, "job/a.bin"));
  assert.deepEqual({ bytes, digest }, { bytes: LARGE, digest: sha256(stored) });
  await storage.remove(["job/a.bin"]);

  async function* sabotaged() {
    let given = 0;
    for await (const chunk of pattern(LARGE)) {
      yield chunk;
      given += chunk.byteLength;
      if (given !== 32 * MiB) continue;
      const [name = ""] = await readdir(join(basePath, "job"));
      const file = await open(join(basePath, "job", name), "r+");
      await file.write(Buffer.from("changed"), 0, 7, 5);
      await file.close();
    }
  }
  await assert.rejects(storage.put("job/a.bin", sabotaged()), { code: "INTEGRITY_MISMATCH" });
  assert.deepEqual(await readdir(basePath), []);
  await rm(basePath, { recursive: true });
});
