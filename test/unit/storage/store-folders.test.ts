import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { storeFolders } from "../../../lib/storage/store-folders.ts";
import { temporaryFolder } from "../../support/stores.ts";

test("a folder that was made is there for who asks then, also while another look that began before finds none", async () => {
  await using base = await temporaryFolder();
  const folders = storeFolders(base.path);
  for (let n = 0; n < 300; n += 1) {
    const folder = `folder-${n}`;
    const early = folders.exists("looking", folder);
    if (n % 2 === 0) await new Promise((next) => setImmediate(next));
    mkdirSync(join(base.path, folder));
    assert.equal(await folders.exists("looking", folder), true);
    await early;
  }
});
