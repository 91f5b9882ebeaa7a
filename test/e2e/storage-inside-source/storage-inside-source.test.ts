import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { configured, coreBackup, document, paths, temporaryFolder } from "../core-backup.ts";

test("a storage inside the path that is backed up is left out, with a warning, however it is spelt", async (t) => {
  const folder = await temporaryFolder(t);
  await mkdir(join(folder, "source/store"), { recursive: true });
  await writeFile(join(folder, "source/a.txt"), "a");
  await symlink(join(folder, "source/store"), join(folder, "link"));
  const config = await configured(
    folder,
    `jobs:
  - { name: all, service: filesystem, options: { paths: [${folder}/source] } }
storage:
  local: { type: filesystem, base_path: ${folder}/link }
`,
  );
  for (let run = 0; run < 2; run += 1) {
    const ended = await coreBackup(["run", "--json", "--config", config]);
    assert.equal(ended.code, 0, JSON.stringify(ended));
    assert.match(JSON.stringify(document(ended)), /"code":"STORAGE_SKIPPED"/);
  }
  const archives = (await paths(join(folder, "source/store"))).filter((path) => path.endsWith(".tar.zst"));
  assert.equal(archives.length, 2);
  for (const archive of archives) {
    const listed = execFileSync("tar", ["--zstd", "-tf", join(folder, "source/store", archive)], { encoding: "utf8" });
    assert.equal(listed, "./\n./a.txt\n");
  }
});

test("a path inside a storage is a failed unit", async (t) => {
  const folder = await temporaryFolder(t);
  await mkdir(join(folder, "store/below"), { recursive: true });
  const config = await configured(
    folder,
    `jobs:
  - { name: all, service: filesystem, options: { paths: [${folder}/store/below] } }
storage:
  local: { type: filesystem, base_path: ${folder}/store }
`,
  );
  const ended = await coreBackup(["run", "--config", config]);
  assert.equal(ended.code, 1, JSON.stringify(ended));
  assert.match(ended.stdout, /SOURCE_FORBIDDEN: .*store\/below lies in .*, a storage of this configuration/);
});
