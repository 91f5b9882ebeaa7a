import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  fileName,
  folderName,
  isFileName,
  leaseKey,
  manifestKey,
  recordKey,
  snapshotId,
  snapshotOfFolders,
  snapshotTime,
  unitFolder,
} from "../../lib/keys.ts";

test("plain names stay as they are", () => {
  assert.equal(unitFolder("my-org/app.js"), "my-org/app.js");
  assert.equal(folderName("github-org-backup"), "github-org-backup");
});

test("what could leave the folder, hide, or pass for a file of ours is encoded", () => {
  assert.equal(unitFolder("../../etc"), "%2E./%2E./etc");
  assert.equal(unitFolder("/srv/data"), "%2Fsrv/data");
  assert.equal(unitFolder("a//b"), "a/%2Fb");
  assert.equal(folderName(".run"), "%2Erun");
  assert.equal(folderName("manifest.json"), "manifest%2Ejson");
  assert.equal(folderName("SHA256SUMS"), "%53HA256SUMS");
  assert.equal(folderName("files.tar.zst"), "files.tar%2Ezst");
  assert.equal(folderName("größe\n%~"), "gr%C3%B6%C3%9Fe%0A%25%7E");
  assert.equal(fileName("../x", ".archive"), "%2E.%2Fx.archive");
});

test("a job's documents lie where the layout says", () => {
  assert.equal(manifestKey("j", "2026-11-22T030000Z"), "j/2026-11-22/030000Z/manifest.json");
  assert.equal(recordKey("j", "2026-11-22T030000Z", 7, 0), "j/2026-11-22/030000Z/.run/units/7.json");
  assert.equal(recordKey("j", "2026-11-22T030000Z", 7, 2), "j/2026-11-22/030000Z/.run/units/7.2.json");
  assert.equal(leaseKey("a/j"), "a%2Fj/.lease");
});

test("a snapshot id and its time are each other's inverse, and nothing else is an id", () => {
  assert.equal(snapshotId(new Date("2026-11-22T03:00:00.999Z")), "2026-11-22T030000Z");
  assert.equal(snapshotTime("2026-11-22T030000Z")?.toISOString(), "2026-11-22T03:00:00.000Z");
  for (const wrong of ["2026-02-30T030000Z", "2026-11-22T250000Z", "2026-11-22", "x2026-11-22T030000Z"]) {
    assert.equal(snapshotTime(wrong), undefined, wrong);
  }
  assert.equal(snapshotOfFolders("2026-11-22", "030000Z"), "2026-11-22T030000Z");
  assert.equal(snapshotOfFolders("lost+found", "030000Z"), undefined);
});

const anyName = fc.oneof(
  fc.string({ unit: "binary", minLength: 1 }),
  fc.constantFrom(".", "..", "a.tar", "A", "%", "~", "a%2E"),
  fc.string({ minLength: 150, maxLength: 400 }),
);

test("no name leaves its folder, and no two collide", () => {
  fc.assert(
    fc.property(anyName, anyName, (a, b) => {
      const folders = [folderName(a), folderName(b)];
      for (const folder of folders) {
        assert.match(folder, /^[A-Za-z0-9_@+=%-][A-Za-z0-9._@+=%~-]*$/);
        assert.ok(folder.length <= 180);
      }
      if (a !== b) assert.notEqual(folders[0], folders[1]);
    }),
    { numRuns: 5000 },
  );
});

test("units' folders collide with no other unit's folders or artifacts", () => {
  const id = fc
    .array(
      anyName.filter((name) => name !== ""),
      { minLength: 1, maxLength: 3 },
    )
    .map((parts) => parts.join("/"));
  fc.assert(
    fc.property(id, id, anyName, (a, b, name) => {
      if (a !== b) assert.notEqual(unitFolder(a), unitFolder(b));
      const file = `${unitFolder(a)}/${fileName(name, ".tar")}`;
      assert.equal(isFileName(fileName(name, ".tar")), true);
      assert.equal(`${unitFolder(b)}/`.startsWith(`${file}/`), false);
    }),
    { numRuns: 5000 },
  );
});
