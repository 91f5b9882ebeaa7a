import assert from "node:assert/strict";
import { test } from "node:test";
import { bytesOf, readAll } from "../../../../lib/bytes.ts";
import { scratchFile } from "../../../../lib/connectors/github/scratch-file.ts";
import { never } from "../../../contract/connector.ts";

test("a download of more than it may be is ended, and one of as much is kept", async () => {
  const passed: string[] = [];
  async function* endless() {
    for (let n = 0; ; n += 1) {
      passed.push(String(n));
      yield* bytesOf("1234");
    }
  }
  await assert.rejects(scratchFile("attachment", endless, { maxBytes: 10, signal: never() }), {
    code: "SOURCE_PROTOCOL",
    message: "the attachment has more than 10 bytes",
  });
  assert.ok(passed.length < 20, String(passed.length));
  const file = await scratchFile("attachment", () => bytesOf("0123456789"), { maxBytes: 10, signal: never() });
  assert.equal(Buffer.from(await readAll(file.open(), 10)).toString(), "0123456789");
  await file.remove();
});
