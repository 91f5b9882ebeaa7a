import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { CreateBucketCommand, ListObjectsV2Command } from "@aws-sdk/client-s3";
import { connect, createS3Client } from "../../../lib/storage/s3/client.ts";
import { ageKey, ageMissing } from "../../support/age-program.ts";
import { aRepository, gitSync } from "../../support/git-repository.ts";
import { startGitServer } from "../../support/git-server.ts";
import { noVersitygw, startVersitygw } from "../../support/s3-server.ts";
import { configured, coreBackup, temporaryFolder } from "../core-backup.ts";

test("the drill of docs/aws.md: everything back from the bucket and the key alone", {
  skip: noVersitygw || ageMissing(),
}, async (t) => {
  const folder = await temporaryFolder(t);
  const key = ageKey();
  await using server = await startVersitygw();
  const { endpoint, region, credentials } = server;
  const client = createS3Client({ endpoint, region, credentials, pathStyle: true, connection: connect({}) });
  t.after(() => client.destroy());
  await client.send(new CreateBucketCommand({ Bucket: "the-bucket" }));
  const env = {
    AWS_ENDPOINT_URL: endpoint,
    AWS_REGION: region,
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
  };

  const account = join(folder, "account");
  await mkdir(account);
  await aRepository(account, { name: "app.git" });
  const git = await startGitServer(account);
  const refs = gitSync(join(account, "app.git"), ["show-ref"]);
  const config = await configured(
    account,
    `jobs:
  - name: repositories
    service: git
    encryption: { type: age, recipients: [${key.recipient}] }
    options: { repositories: ["${git.url}/app.git"] }
storage:
  s3: { type: s3, bucket: the-bucket, prefix: backups/, path_style: true }
`,
  );
  const ran = await coreBackup(["run", "--config", config], { env });
  await git[Symbol.asyncDispose]();
  assert.equal(ran.code, 0, JSON.stringify(ran));

  // A machine that has never seen any of it.
  const drill = join(folder, "drill");
  await mkdir(drill);
  await writeFile(join(drill, "key.txt"), key.text);
  const { yaml, commands } = await drillOfDocs();
  await writeFile(join(drill, "drill.yml"), yaml.replace("prefix: backups/", "prefix: backups/, path_style: true"));
  for (const command of commands) {
    const ended = await coreBackup(command.split(" ").slice(2), { cwd: drill, env: { ...env, HOME: drill } });
    assert.equal(ended.code, 0, `${command}: ${JSON.stringify(ended)}`);
  }
  const found = execFileSync("find", [join(drill, "restored"), "-name", "HEAD"], { encoding: "utf8" });
  const [head = ""] = found.split("\n");
  assert.equal(gitSync(head.replace(/\/HEAD$/, ""), ["show-ref"]), refs);
  const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket: "the-bucket" }));
  assert.ok(Contents.some(({ Key }) => Key?.startsWith("backups/repositories/")));
});

async function drillOfDocs(): Promise<{ readonly yaml: string; readonly commands: readonly string[] }> {
  const page = await readFile(new URL("../../../docs/aws.md", import.meta.url), "utf8");
  const [, yaml = "", lines = ""] = /cat > drill\.yml <<END\n([\s\S]*?)END\n([\s\S]*?)```/.exec(page) ?? [];
  const commands = lines.split("\n").filter((line) => line !== "");
  assert.equal(commands.length, 3);
  return { yaml, commands };
}
