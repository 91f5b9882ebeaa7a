import assert from "node:assert/strict";
import { test } from "node:test";
import { bytesOf, readAll } from "../../../lib/bytes.ts";
import { memoryStorage } from "../../../lib/storage/memory.ts";
import { readOnlyStorage } from "../../../lib/storage/read-only.ts";
import { watched } from "../../support/bytes.ts";
import { faultyStorage } from "../../support/faulty-storage.ts";

const MUTATING = /^(prepare|put|copy|remove)/;

test("a storage for looking only reads as ever and refuses every change, of which the inner one hears nothing", async () => {
  const inner = memoryStorage();
  await inner.put("job/a.bin", bytesOf("a"));
  const faulty = faultyStorage(inner);
  const storage = readOnlyStorage(faulty);
  const body = watched(bytesOf("b"));
  const refusal = { name: "RefusedError", code: "REFUSED" };

  await storage.prepare();
  await assert.rejects(storage.put("job/a.bin", body.bytes), { ...refusal, message: /store job\/a\.bin/ });
  await assert.rejects(storage.copy("job/a.bin", "b.bin"), { ...refusal, message: /copy job\/a\.bin to b\.bin/ });
  await assert.rejects(storage.remove(["job/a.bin"]), { ...refusal, message: /remove job\/a\.bin/ });
  assert.ok(body.state.released);

  assert.deepEqual(await storage.head("job/a.bin"), { key: "job/a.bin", bytes: 1 });
  assert.deepEqual(await Array.fromAsync(storage.list("")), [{ key: "job/a.bin", bytes: 1 }]);
  assert.deepEqual(await Array.fromAsync(storage.folders("")), ["job"]);
  assert.equal((await readAll(await storage.get("job/a.bin"), 10)).byteLength, 1);
  assert.deepEqual(
    faulty.calls.filter((call) => MUTATING.test(call)),
    [],
  );
});
