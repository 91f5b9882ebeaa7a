import assert from "node:assert/strict";
import { test } from "node:test";
import * as z from "zod";
import { localSecretFields, maybeSecretFields, secretFields, secretOf } from "../../../lib/config/secret-fields.ts";

const schema = z.strictObject({ ...secretFields("token"), ...maybeSecretFields("username") });

test("each form of a secret is a reference", () => {
  assert.deepEqual(secretOf(schema.parse({ token_env: "A" }), "token"), { from: "env", name: "A" });
  assert.deepEqual(secretOf(schema.parse({ token_file: "/a" }), "token"), { from: "file", path: "/a" });
  assert.deepEqual(secretOf(schema.parse({ token_vault: "m/p#f" }), "token"), { from: "vault", reference: "m/p#f" });
  assert.deepEqual(secretOf(schema.parse({ token_secret: "a/b#f" }), "token"), { from: "secret", reference: "a/b#f" });
  assert.deepEqual(secretOf(schema.parse({ token_ssm: "/a/b" }), "token"), { from: "ssm", reference: "/a/b" });
  assert.deepEqual(secretOf(schema.parse({ username: "me" }), "username"), { from: "literal", value: "me" });
  assert.equal(secretOf(schema.parse({}), "token"), undefined);
});

test("a literal is accepted only for what need not be secret", () => {
  assert.equal(schema.safeParse({ token: "x" }).success, false);
  assert.equal(schema.safeParse({ username: "x" }).success, true);
});

test("a vault reference has a mount, a path and a field", () => {
  const good = ["secret/git#token", "kv/team/a/b#value", "kv/team.a/b-c_d#the.field"];
  const bad = [
    "",
    "secret#token",
    "secret/git",
    "secret/git#",
    "#token",
    "/secret/git#token",
    "secret//git#token",
    "secret/git#a b",
  ];
  for (const reference of good) assert.equal(schema.safeParse({ token_vault: reference }).success, true, reference);
  for (const reference of bad) assert.equal(schema.safeParse({ token_vault: reference }).success, false, reference);
});

test("a secret or parameter of AWS has a name or an ARN of its own service", () => {
  const arn = (service: string) => `arn:aws:${service}:eu-central-1:123456789012`;
  const good = [
    { token_secret: "backups/github" },
    { token_secret: `${arn("secretsmanager")}:secret:backups/github-AbCdEf#token` },
    { token_ssm: "/backups/github-token" },
    { token_ssm: `${arn("ssm")}:parameter/backups/github#token` },
  ];
  const bad = [
    { token_secret: "" },
    { token_secret: "two words" },
    { token_secret: "backups/github#" },
    { token_secret: `${arn("ssm")}:parameter/a` },
    { token_ssm: `${arn("secretsmanager")}:secret:a` },
    { token_secret: "ghp_0123456789abcdef0123456789abcdef0123" },
  ];
  for (const options of good) assert.equal(schema.safeParse(options).success, true, JSON.stringify(options));
  for (const options of bad) assert.equal(schema.safeParse(options).success, false, JSON.stringify(options));
});

test("what reaches the vault cannot come from the vault", () => {
  assert.deepEqual(Object.keys(localSecretFields("secret_id")), ["secret_id_env", "secret_id_file"]);
});
