import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import type { Backup } from "../../lib/backup.ts";
import { SourceError } from "../../lib/errors.ts";
import { withFunctionBackup } from "../../lib/function-backup.ts";

const INVOCATION = { awsRequestId: "r-1", getRemainingTimeInMillis: () => 900_000 };

describe("a warm function", () => {
  let folder: string;
  let asked = 0;
  let secret = "first";
  const manager = createServer((_, response) => {
    asked += 1;
    response.setHeader("content-type", "application/x-amz-json-1.1");
    response.end(JSON.stringify({ Name: "token", SecretString: secret }));
  });
  const variables = {
    AWS_REGION: "us-east-1",
    AWS_ACCESS_KEY_ID: "k",
    AWS_SECRET_ACCESS_KEY: "s",
    AWS_ENDPOINT_URL: "",
  };
  const outside = Object.fromEntries(Object.keys(variables).map((name) => [name, process.env[name]]));
  let env: Record<string, string>;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "core-backup-function-"));
    const config = join(folder, "core-backup.yml");
    await writeFile(
      config,
      "jobs:\n  - { name: docs, service: git, options: { repositories: [https://example.com/a.git] } }\nstorage:\n  s3: { type: s3, bucket: the-bucket }\n",
    );
    await new Promise<void>((listening) => manager.listen(0, "127.0.0.1", listening));
    const { port } = manager.address() as AddressInfo;
    Object.assign(process.env, variables, { AWS_ENDPOINT_URL: `http://127.0.0.1:${port}` });
    env = { CORE_BACKUP_CONFIG: config };
  });
  after(async () => {
    for (const [name, value] of Object.entries(outside)) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
    manager.close();
    await rm(folder, { recursive: true, force: true });
  });

  const token = (backup: Backup) => backup.secrets.resolve({ from: "secret", reference: "token" });

  test("asks for a secret once, and hides it in the log of every invocation", async () => {
    const lines: string[] = [];
    const write = process.stdout.write.bind(process.stdout);
    process.stdout.write = (text: string | Uint8Array) => lines.push(String(text)) > 0;
    try {
      for (const _ of [1, 2, 3]) {
        await withFunctionBackup(INVOCATION, async (backup) => backup.log.info(`the token is ${await token(backup)}`), {
          env,
          about: { job: "docs", run: "01J", unit: "a" },
        });
      }
    } finally {
      process.stdout.write = write;
    }
    const ours = lines.filter((line) => line.includes("the token is"));
    assert.equal(asked, 1);
    assert.equal(ours.length, 3);
    for (const line of ours) {
      const { message, job, run, unit, requestId } = JSON.parse(line);
      assert.deepEqual([message, job, run, unit, requestId], ["the token is ***", "docs", "01J", "a", "r-1"]);
    }
  });

  test("reads it again once the kept one was refused, and does its work once more with the new one", async () => {
    secret = "second";
    const used: string[] = [];
    const attempt = async (backup: Backup) => {
      used.push(await token(backup));
      return used.at(-1) === "first" ? { status: "failed", code: "SOURCE_UNAUTHORIZED" } : { status: "ok" };
    };
    assert.deepEqual(await withFunctionBackup(INVOCATION, attempt, { env }), { status: "ok" });
    assert.deepEqual(used, ["first", "second"]);
  });

  test("also where the refusal is thrown; a fresh one that is refused is not asked for again", async () => {
    secret = "third";
    const used: string[] = [];
    const attempt = async (backup: Backup) => {
      used.push(await token(backup));
      throw new SourceError("SOURCE_UNAUTHORIZED", `401, with ${used.at(-1)}`);
    };
    await assert.rejects(withFunctionBackup(INVOCATION, attempt, { env }), {
      name: "SourceError",
      message: "SOURCE_UNAUTHORIZED: 401, with ***",
      stack: /401, with \*\*\*/,
    });
    assert.deepEqual(used, ["second", "third"]);
  });
});
