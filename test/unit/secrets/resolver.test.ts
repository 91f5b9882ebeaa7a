import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { createRedaction } from "../../../lib/secrets/redaction.ts";
import { createSecretResolver } from "../../../lib/secrets/resolver.ts";
import { faultOf, scriptedVault, secretReply } from "../../support/vault-replies.ts";

const { signal } = new AbortController();

function resolverWith(env: Record<string, string>, replies: Parameters<typeof scriptedVault>[0] = []) {
  const redaction = createRedaction();
  const { calls, exchange } = scriptedVault(replies);
  const overVault = { exchange, sleep: async () => {} };
  return { redaction, calls, resolver: createSecretResolver({ env, redaction, signal, overVault }) };
}

const vaultEnv = { VAULT_ADDR: "https://vault:8200", VAULT_TOKEN: "the-vault-token" };
const reference = { from: "vault", reference: "kv/app#x" } as const;

test("a resolved variable is known to redaction", async () => {
  const { resolver, redaction } = resolverWith({ TOKEN: "canary-value" });
  assert.equal(redaction.redact("canary-value"), "canary-value");
  assert.equal(await resolver.resolve({ from: "env", name: "TOKEN" }), "canary-value");
  assert.equal(redaction.redact("canary-value"), "***");
});

test("a value from Vault is known to redaction, and so is the token that fetched it", async () => {
  const { resolver, redaction } = resolverWith(vaultEnv, [secretReply({ x: "canary-value" })]);
  assert.equal(await resolver.resolve(reference), "canary-value");
  assert.equal(redaction.redact("canary-value the-vault-token"), "*** ***");
});

test("a literal is not hidden, unless it is a URL with a password", async () => {
  const { resolver, redaction } = resolverWith({});
  assert.equal(await resolver.resolve({ from: "literal", value: "my-bucket" }), "my-bucket");
  await resolver.resolve({ from: "literal", value: "mongodb://backup:canary-value@db/" });
  assert.equal(redaction.redact("my-bucket canary-value"), "my-bucket ***");
});

test("each reference is resolved once, also by those who ask at once", async () => {
  const { resolver, calls } = resolverWith(vaultEnv, [secretReply({ x: "1" })]);
  assert.deepEqual(await Promise.all([resolver.resolve(reference), resolver.resolve({ ...reference })]), ["1", "1"]);
  assert.equal(await resolver.resolve(reference), "1");
  assert.equal(calls.length, 1);
});

test("two references are two secrets", async () => {
  const { resolver } = resolverWith({ A: "1", B: "2" });
  assert.equal(await resolver.resolve({ from: "env", name: "A" }), "1");
  assert.equal(await resolver.resolve({ from: "env", name: "B" }), "2");
});

test("a failure is not kept: the next call tries again", async () => {
  const folder = await mkdtemp(path.join(tmpdir(), "secrets-"));
  try {
    const { resolver } = resolverWith({});
    const late = { from: "file", path: path.join(folder, "late") } as const;
    await assert.rejects(resolver.resolve(late), { code: "SECRET_MISSING" });
    await writeFile(late.path, "value\n");
    assert.equal(await resolver.resolve(late), "value");
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("an unreachable Vault is a transient error, and asked again at the next call", async () => {
  const { resolver } = resolverWith(vaultEnv, [...Array(4).fill(faultOf("ECONNREFUSED")), secretReply({ x: "1" })]);
  await assert.rejects(resolver.resolve(reference), { name: "TransientError" });
  assert.equal(await resolver.resolve(reference), "1");
});

test("an empty value in Vault is refused by its reference", async () => {
  const { resolver } = resolverWith(vaultEnv, [secretReply({ x: "" })]);
  await assert.rejects(resolver.resolve(reference), { message: "the Vault secret kv/app#x is empty" });
});

test("without a Vault address the fault says how to give one", async () => {
  const { resolver } = resolverWith({});
  await assert.rejects(resolver.resolve(reference), { name: "ConfigError", message: /VAULT_ADDR/ });
});

test("without a Vault token the fault names the variable", async () => {
  const { resolver } = resolverWith({ VAULT_ADDR: "https://vault:8200" });
  await assert.rejects(resolver.resolve(reference), { message: "the environment variable VAULT_TOKEN is not set" });
});

test("what is said to be no secret is not hidden, until something asks for it as a secret", async () => {
  const { resolver, redaction } = resolverWith({ BUCKET: "my-bucket" });
  const bucket = { from: "env", name: "BUCKET" } as const;
  assert.equal(await resolver.resolve(bucket, { isSecret: false }), "my-bucket");
  assert.equal(redaction.redact("my-bucket"), "my-bucket");
  await resolver.resolve(bucket);
  assert.equal(redaction.redact("my-bucket"), "***");
});
