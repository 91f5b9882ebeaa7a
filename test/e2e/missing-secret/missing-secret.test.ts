import assert from "node:assert/strict";
import { test } from "node:test";
import { assertPlain, configured, coreBackup, document, paths, temporaryFolder } from "../core-backup.ts";

test("a variable that is not set stops what reads the source, and not what only looks at the storage", async (t) => {
  const folder = await temporaryFolder(t);
  const yaml = `jobs:
  - name: code
    service: git
    options:
      repositories:
        - url: https://127.0.0.1/app.git
          token_env: CORE_BACKUP_E2E_UNSET
storage:
  local: { type: filesystem, base_path: backups }
`;
  await configured(folder, yaml);
  for (const command of ["validate", "run", "plan"]) {
    const ended = await coreBackup([command], { cwd: folder });
    assert.equal(ended.code, 2, JSON.stringify(ended));
    assert.match(ended.stderr, /^core-backup\.yml:7:\d+: .*CORE_BACKUP_E2E_UNSET/);
    assertPlain(ended);
  }
  const listed = await coreBackup(["list", "--json"], { cwd: folder });
  assert.deepEqual([listed.code, document(listed)], [0, []]);
  assert.deepEqual(await paths(folder), ["core-backup.yml"]);
});
