import assert from "node:assert/strict";
import { test } from "node:test";
import { configured, coreBackup, document, temporaryFolder } from "../core-backup.ts";

const CONFIG = `jobs:
  - { name: docs, service: git, options: { repositories: [https://example.com/a.git] } }
storage:
  s3: { type: s3, bucket_env: S3_BUCKET, prefix: backups/ }
`;

test("without credentials, the commands for a deployment say so, and nothing was done", async (t) => {
  const folder = await temporaryFolder(t);
  const config = await configured(folder, CONFIG);
  const none = { AWS_ACCESS_KEY_ID: "", AWS_SECRET_ACCESS_KEY: "", AWS_PROFILE: "", AWS_EC2_METADATA_DISABLED: "true" };
  for (const command of [["start", "--job", "docs"], ["status"], ["stop", "--job", "docs"]]) {
    const ended = await coreBackup([...command, "--config", config], { env: { ...none, HOME: folder } });
    assert.equal(ended.code, 2, JSON.stringify(ended));
    assert.match(ended.stderr, /core-backup-dev in eu-central-1: there are no AWS credentials here/);
  }
});

test("where AWS does not answer, it is no fault of the command line", async (t) => {
  const folder = await temporaryFolder(t);
  const config = await configured(folder, CONFIG);
  const env = {
    AWS_ACCESS_KEY_ID: "k",
    AWS_SECRET_ACCESS_KEY: "s",
    AWS_ENDPOINT_URL: "http://127.0.0.1:9",
    AWS_REGION: "eu-west-1",
  };
  const ended = await coreBackup(["status", "--stage", "prod", "--json", "--config", config], {
    env: { ...env, HOME: folder },
  });
  assert.equal(ended.code, 1, JSON.stringify(ended));
  const { errors } = document(ended) as { errors: readonly { code: string; message: string; retryable: boolean }[] };
  assert.deepEqual([errors[0]?.code, errors[0]?.retryable], ["DEPLOYMENT_UNAVAILABLE", true]);
  assert.match(errors[0]?.message ?? "", /^core-backup-prod in eu-west-1: AWS does not answer/);
});
