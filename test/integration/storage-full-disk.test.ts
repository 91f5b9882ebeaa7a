import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { patternBytes, sha256 } from "../support/bytes.ts";
import { inMountNamespace, whyNoMounts } from "../support/mount-namespace.ts";
import type { Step, StepResult } from "../support/storage-child.ts";
import { temporaryFolder } from "../support/stores.ts";

const skip = (await whyNoMounts()) ?? false;
const MiB = 1024 * 1024;

describe("a file system that fills up", { skip }, () => {
  test("a put that runs out of space leaves nothing, says where and how much is free, and hurts no other object", async () => {
    const results = await onTmpfs("size=2m", [
      { do: "put", key: "job/small.bin", bytes: 500_000 },
      { do: "put", key: "job/day/large.bin", bytes: 5 * MiB },
      { do: "put", key: "job/small.bin", bytes: 5 * MiB },
      { do: "files" },
      { do: "read", key: "job/small.bin" },
      { do: "put", key: "job/day/fits.bin", bytes: 600_000, ifAbsent: true },
      { do: "list", prefix: "" },
    ]);
    for (const failed of [results[1], results[2]]) {
      assert.equal(failed?.error?.name, "StorageError");
      assert.equal(failed?.error?.code, "STORAGE_FULL");
      assert.match(
        failed?.error?.message ?? "",
        /storing job\/\S+: \/\S+\/job\S+: no space left: \d+ bytes and \d+ inodes free/,
      );
    }
    assert.deepEqual(results[3]?.value, ["job", "job/small.bin"]);
    assert.deepEqual(results[4]?.value, { bytes: 500_000, sha256: sha256(patternBytes(500_000)) });
    assert.deepEqual(results[6]?.value, ["job/day/fits.bin", "job/small.bin"]);
  });

  test("a put without an inode left leaves nothing and names the inodes", async () => {
    const puts = Array.from({ length: 20 }, (_, n): Step => ({ do: "put", key: `job/${n}/a.bin`, bytes: 10 }));
    const results = await onTmpfs("size=2m,nr_inodes=20", [...puts, { do: "list", prefix: "" }, { do: "files" }]);
    const stored = results.slice(0, 20).filter((result) => result.error === undefined).length;
    const failed = results.slice(0, 20).filter((result) => result.error !== undefined);
    assert.ok(stored > 0 && failed.length > 0);
    for (const { error } of failed) {
      assert.equal(error?.code, "STORAGE_FULL");
      assert.match(error?.message ?? "", /: no space left: \d+ bytes and [01] inodes free/);
    }
    assert.equal(namesIn(results[20]).length, stored);
    // Each object is a folder and a file, below one folder: nothing else is left.
    assert.equal(namesIn(results[21]).length, 1 + 2 * stored);
  });

  test("prepare refuses a storage without the space or the inodes to begin with", async () => {
    for (const [options, free] of [
      ["size=2m", /has \d+ bytes and \d+ inodes free; a backup needs at least 67108864 bytes and 1000 inodes/],
      ["size=200m,nr_inodes=500", /has \d+ bytes and 4\d\d inodes free/],
    ] as const) {
      const [prepared] = await onTmpfs(options, [{ do: "prepare" }]);
      assert.equal(prepared?.error?.code, "STORAGE_FULL");
      assert.match(prepared?.error?.message ?? "", free);
    }
  });

  test("a read-only file system is refused by prepare and by put", async () => {
    await using folder = await temporaryFolder();
    const setup = `mount -t tmpfs -o ro tmpfs ${folder.path}`;
    const results = await inMountNamespace(setup, {
      basePath: folder.path,
      steps: [{ do: "prepare" }, { do: "put", key: "a/b", bytes: 1 }],
    });
    for (const { error } of results) {
      assert.equal(error?.code, "STORAGE_FORBIDDEN");
      assert.match(error?.message ?? "", /read-only/);
    }
  });

  test("a copy across devices is made byte by byte", async () => {
    await using folder = await temporaryFolder();
    const setup = `mkdir -p ${folder.path}/a ${folder.path}/b; mount -t tmpfs tmpfs ${folder.path}/b`;
    const results = await inMountNamespace(setup, {
      basePath: folder.path,
      steps: [
        { do: "put", key: "a/one.bin", bytes: 3 * MiB },
        { do: "copy", from: "a/one.bin", to: "b/deep/two.bin" },
        { do: "read", key: "a/one.bin" },
        { do: "read", key: "b/deep/two.bin" },
        { do: "remove", keys: ["b/deep/two.bin", "a/one.bin"] },
        { do: "files" },
      ],
    });
    assert.deepEqual(results[1]?.value, { key: "b/deep/two.bin", bytes: 3 * MiB });
    assert.deepEqual(results[2]?.value, results[3]?.value);
    // A mount point stays although it is empty.
    assert.deepEqual(results[5]?.value, ["b"]);
  });
});

function namesIn(result: StepResult | undefined): readonly unknown[] {
  assert.ok(Array.isArray(result?.value));
  return result.value;
}

async function onTmpfs(options: string, steps: readonly Step[]): Promise<readonly StepResult[]> {
  await using folder = await temporaryFolder();
  return await inMountNamespace(`mount -t tmpfs -o ${options} tmpfs ${folder.path}`, { basePath: folder.path, steps });
}
