import assert from "node:assert/strict";
import { test } from "node:test";
import * as z from "zod";
import { localSecretFields, maybeSecretFields, secretFields, secretOf } from "../../../lib/config/secret-fields.ts";

const schema = z.strictObject({ ...secretFields("token"), ...maybeSecretFields("username") });

test("each form of a secret is a reference", () => {
  assert.deepEqual(secretOf(schema.parse({ token_env: "A" }), "token"), { from: "env", name: "A" });
  assert.deepEqual(secretOf(schema.parse({ token_file: "/a" }), "token"), { from: "file", path: "/a" });
  assert.deepEqual(secretOf(schema.parse({ token_vault: "m/p#f" }), "token"), { from: "vault", reference: "m/p#f" });
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

test("what reaches the vault cannot come from the vault", () => {
  assert.deepEqual(Object.keys(localSecretFields("secret_id")), ["secret_id_env", "secret_id_file"]);
});
