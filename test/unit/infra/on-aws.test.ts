import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { onAwsFaults } from "../../../infra/on-aws.ts";
import { loadConfig } from "../../../lib/config/load.ts";
import { ConfigError } from "../../../lib/errors.ts";

const YAML = `jobs:
  - name: app
    service: git
    timeout: 7d
    hooks: { before: systemctl stop app }
    encryption: { type: age, passphrase_secret: backups/words, names_key_secret: backups/names, encrypt_manifest: true }
    options: { repositories: [https://git.example.com/app.git] }
storage:
  s3: { type: s3, bucket: backups, region: eu-central-1, sse: "aws:kms", kms_key: backups }
metrics:
  textfile: { folder: /var/lib/node-exporter }
  pushgateway: { url: "http://push.example.com:9091" }
  cloudwatch: {}
`;

test("hooks, units that may take as long as a run, metrics that need a machine, and encrypted plans are refused on AWS at their place in the file, and are right at a desk", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "core-backup-on-aws-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, "core-backup.yml");
  await writeFile(file, YAML);
  await loadConfig(file, { env: {} });
  const error: unknown = await loadConfig(file, { env: {}, more: onAwsFaults }).catch((thrown: unknown) => thrown);
  assert.ok(error instanceof ConfigError);
  assert.deepEqual(
    error.faults.map(({ line, column, path, message }) => `${line}:${column}: ${path}: ${message}`),
    [
      "4:14: jobs[0].timeout: must not be longer than 6d on AWS, where a run is ended after 7d",
      "5:5: jobs[0].hooks: cannot be run on AWS, where no machine of yours is",
      "6:115: jobs[0].encryption.encrypt_manifest: cannot be had on AWS, where the state machine reads the plan, which would be encrypted as well",
      "9:83: storage.s3.kms_key: must be the id or ARN of a key, or the name (alias/…) or ARN of an alias: the functions get rights to it",
      "11:13: metrics.textfile: has no folder to write to on AWS: use cloudwatch",
      '12:16: metrics.pushgateway: needs instance on AWS, where no name of a machine lasts: give one, or "" for none',
    ],
  );
});
