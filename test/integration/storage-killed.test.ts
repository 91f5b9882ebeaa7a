import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { measureAll } from "../../lib/bytes.ts";
import { filesystemStorage } from "../../lib/storage/filesystem.ts";
import { patternBytes, sha256 } from "../support/bytes.ts";
import type { Program } from "../support/storage-child.ts";
import { temporaryFiles, temporaryFolder } from "../support/stores.ts";

const KILLS = 20;
const OBJECT_BYTES = 12 * 1024 * 1024;

test("a writer killed at any moment leaves whole objects only, and the next run clears away the rest", async () => {
  const expected = sha256(patternBytes(OBJECT_BYTES));
  let abandoned = 0;
  for (let kill = 0; kill < KILLS; kill += 1) {
    await using folder = await temporaryFolder();
    const basePath = join(folder.path, "store");
    const storage = filesystemStorage({ basePath });
    await storage.prepare();

    await killWhileWriting(basePath, Math.random() * 250);

    for await (const object of storage.list("")) {
      assert.equal(object.bytes, OBJECT_BYTES, `${object.key} after kill ${kill}`);
      assert.equal(
        (await measureAll(await storage.get(object.key))).sha256,
        expected,
        `${object.key} after kill ${kill}`,
      );
    }
    abandoned += (await temporaryFiles(basePath)).length;
    await storage.prepare();
    assert.deepEqual(await temporaryFiles(basePath), []);
  }
  assert.ok(abandoned > 0, "no kill met a file in the making, so nothing was shown");
});

async function killWhileWriting(basePath: string, afterMs: number): Promise<void> {
  const program: Program = { basePath, steps: [{ do: "put-forever", bytes: OBJECT_BYTES }] };
  const script = join(import.meta.dirname, "..", "support", "storage-child.ts");
  const child = spawn(process.execPath, [script, JSON.stringify(program)], { stdio: ["ignore", "pipe", "inherit"] });
  const exit = once(child, "exit");
  await once(child.stdout, "data");
  await delay(afterMs);
  child.kill("SIGKILL");
  const [, signal] = await exit;
  assert.equal(signal, "SIGKILL");
}
