import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import {
  CreateSecretCommand,
  DeleteSecretCommand,
  SecretsManagerClient,
  UpdateSecretCommand,
} from "@aws-sdk/client-secrets-manager";
import { PutParameterCommand, SSMClient } from "@aws-sdk/client-ssm";
import { createRedaction } from "../../lib/secrets/redaction.ts";
import { createSecretResolver } from "../../lib/secrets/resolver.ts";
import type { SecretReference } from "../../lib/secrets/secrets.ts";
import { noMinistack, type S3Server, startMinistack } from "../support/s3-server.ts";

const CANARY = "canary-4711-value";

function resolver() {
  const redaction = createRedaction();
  const { signal } = new AbortController();
  return { redaction, ...createSecretResolver({ env: {}, redaction, signal }) };
}

describe("secrets of AWS, as an emulator of it keeps them", { skip: noMinistack }, () => {
  let server: S3Server;
  const kept = { ...process.env };
  const secret = (reference: string): SecretReference => ({ from: "secret", reference });
  const ssm = (reference: string): SecretReference => ({ from: "ssm", reference });
  let arn = "";

  before(async () => {
    server = await startMinistack();
    Object.assign(process.env, {
      AWS_ENDPOINT_URL: server.endpoint,
      AWS_REGION: server.region,
      AWS_ACCESS_KEY_ID: server.credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: server.credentials.secretAccessKey,
    });
    const secrets = new SecretsManagerClient({});
    const create = (Name: string, SecretString: string) =>
      secrets.send(new CreateSecretCommand({ Name, SecretString }));
    await create("backups/plain", CANARY);
    const json = await create("backups/github", JSON.stringify({ token: CANARY, id: 4711, none: null }));
    arn = json.ARN ?? "";
    await create("backups/empty", "x");
    await secrets.send(new UpdateSecretCommand({ SecretId: "backups/empty", SecretString: "{}" }));
    await create("backups/gone", "x");
    await secrets.send(new DeleteSecretCommand({ SecretId: "backups/gone", ForceDeleteWithoutRecovery: true }));
    const parameters = new SSMClient({});
    await parameters.send(new PutParameterCommand({ Name: "/backups/token", Value: CANARY, Type: "SecureString" }));
    secrets.destroy();
    parameters.destroy();
  });

  after(async () => {
    for (const name of Object.keys(process.env)) if (!(name in kept)) delete process.env[name];
    Object.assign(process.env, kept);
    await server[Symbol.asyncDispose]();
  });

  for (const [title, reference, value] of [
    ["a secret by name", () => secret("backups/plain"), CANARY],
    ["a field of a secret that is JSON", () => secret("backups/github#token"), CANARY],
    ["a number in it", () => secret("backups/github#id"), "4711"],
    ["a secret by ARN", () => secret(`${arn}#token`), CANARY],
    ["a parameter, decrypted", () => ssm("/backups/token"), CANARY],
  ] as const) {
    test(`${title} is read, and known to redaction from then on`, async () => {
      const { resolve, redaction } = resolver();
      assert.equal(await resolve(reference()), value);
      assert.equal(redaction.redact(`>${value}<`), ">***<");
    });
  }

  for (const [title, reference, message] of [
    ["a secret that is not there", secret("backups/absent"), /secret backups\/absent of AWS does not exist/],
    ["a secret that was deleted", secret("backups/gone"), /secret backups\/gone of AWS does not exist/],
    ["a parameter that is not there", ssm("/absent"), /parameter \/absent of AWS does not exist/],
    ["a field that is not there", secret("backups/github#tokn"), /has no field tokn that holds text/],
    ["a field that is null", secret("backups/github#none"), /has no field none that holds text/],
    ["a field of what is no JSON", secret("backups/plain#token"), /is not JSON, so it has no field token/],
  ] as const) {
    test(`${title} is a fault that names it and shows no value`, async () => {
      await assert.rejects(resolver().resolve(reference), (error: Error & { code?: string }) => {
        assert.equal(error.code, "SECRET_MISSING");
        assert.match(error.message, message);
        assert.ok(!`${error.message}${error.stack}${JSON.stringify(error.cause ?? "")}`.includes(CANARY));
        return true;
      });
    });
  }

  test("a server that cannot be reached may come back: the failure can be tried again", async () => {
    const before = process.env.AWS_ENDPOINT_URL;
    process.env.AWS_ENDPOINT_URL = "http://127.0.0.1:9";
    try {
      await assert.rejects(resolver().resolve(secret("backups/plain")), {
        name: "TransientError",
        message: /secret backups\/plain of AWS cannot be read just now/,
      });
    } finally {
      process.env.AWS_ENDPOINT_URL = before;
    }
  });
});
