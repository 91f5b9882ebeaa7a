import assert from "node:assert/strict";
import { lstat, mkdir, readdir, symlink } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { bytesOf } from "../../lib/bytes.ts";
import { nfsStorage } from "../../lib/storage/nfs.ts";
import { watched } from "../support/bytes.ts";
import { inMountNamespace, whyNoMounts } from "../support/mount-namespace.ts";
import type { Step } from "../support/storage-child.ts";
import { temporaryFolder } from "../support/stores.ts";

const skip = (await whyNoMounts()) ?? false;
const requireMount = true;
const EVERY_METHOD = [
  { do: "prepare" },
  { do: "put", key: "core-backup-test/b", bytes: 1 },
  { do: "read", key: "a" },
  { do: "head", key: "a" },
  { do: "list", prefix: "" },
  { do: "copy", from: "a", to: "b" },
  { do: "remove", keys: ["a"] },
] as const satisfies readonly Step[];
const TMPFS = "mount -t tmpfs -o size=100m tmpfs";

describe("nfs with require_mount", { skip }, () => {
  test("on a mounted file system it stores and reads", async () => {
    await using folder = await temporaryFolder();
    const results = await inMountNamespace(`${TMPFS} ${folder.path}`, {
      basePath: folder.path,
      requireMount,
      steps: [
        { do: "prepare" },
        { do: "put", key: "a/b.bin", bytes: 10 },
        { do: "list", prefix: "" },
        { do: "head", key: "a/b.bin" },
      ],
    });
    assert.deepEqual(
      results.map((result) => result.error),
      [undefined, undefined, undefined, undefined],
    );
    assert.deepEqual(results[2]?.value, ["a/b.bin"]);
    assert.deepEqual(await readdir(folder.path), []);
  });

  test("a base path below the mount point is made there", async () => {
    await using folder = await temporaryFolder();
    const results = await inMountNamespace(`${TMPFS} ${folder.path}`, {
      basePath: join(folder.path, "backups", "site"),
      requireMount,
      steps: [{ do: "prepare" }, { do: "put", key: "a.bin", bytes: 10 }, { do: "files" }],
    });
    assert.deepEqual(results[2]?.value, ["a.bin"]);
  });

  test("a base path that leads to the mount through a symbolic link is accepted", async () => {
    await using folder = await temporaryFolder();
    await mkdir(join(folder.path, "mnt"));
    await symlink("mnt", join(folder.path, "backups"));
    const [prepared] = await inMountNamespace(`${TMPFS} ${folder.path}/mnt`, {
      basePath: join(folder.path, "backups"),
      requireMount,
      steps: [{ do: "prepare" }],
    });
    assert.equal(prepared?.error, undefined);
  });

  test("a folder of the root disk that is bound elsewhere is refused by every method, which says what lies there", async () => {
    await using folder = await temporaryFolder();
    const results = await inMountNamespace(`mount --bind / ${folder.path}`, {
      basePath: folder.path,
      requireMount,
      steps: EVERY_METHOD,
    });
    assert.equal(results.length, EVERY_METHOD.length);
    for (const { error } of results) {
      assert.equal(error?.name, "StorageError");
      assert.equal(error?.code, "STORAGE_NOT_MOUNTED");
      assert.match(
        error?.message ?? "",
        /^nothing is mounted at \S+: it lies on the root file system \(\S+ \S+ on \S+\); mount the export/,
      );
    }
  });

  test("an export that goes away during a run is noticed: nothing is stored below it, and no listing is taken for empty", async () => {
    await using folder = await temporaryFolder();
    const setup = `mount --bind / ${folder.path}; ${TMPFS} ${folder.path}`;
    const results = await inMountNamespace(setup, {
      basePath: folder.path,
      requireMount,
      steps: [
        { do: "put", key: "core-backup-test/a", bytes: 1 },
        { do: "sh", command: `umount ${folder.path}` },
        ...EVERY_METHOD.slice(1),
      ],
    });
    assert.equal(results[0]?.error, undefined);
    for (const { error } of results.slice(2)) assert.equal(error?.code, "STORAGE_NOT_MOUNTED");
    await assert.rejects(lstat("/core-backup-test"), { code: "ENOENT" });
  });
});

test("a base path that does not exist on the root file system is refused, and not made", {
  skip: process.platform !== "linux",
}, async () => {
  const storage = nfsStorage({ basePath: "/core-backup-no-such-export/backups", requireMount });
  const refusal = {
    name: "StorageError",
    code: "STORAGE_NOT_MOUNTED",
    message: /it lies on the root file system \(.* on \/\)/,
  };
  await assert.rejects(storage.prepare(), refusal);
  const body = watched(bytesOf("a"));
  await assert.rejects(storage.put("a", body.bytes), refusal);
  assert.ok(body.state.released);
  await assert.rejects(lstat("/core-backup-no-such-export"), { code: "ENOENT" });
});
