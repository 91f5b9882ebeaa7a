import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfigError } from "../../../lib/errors.ts";
import { secretsSchema, vaultSchema } from "../../../lib/secrets/options.ts";
import { vaultSettings } from "../../../lib/secrets/vault-settings.ts";

const settings = (options: object, env: Record<string, string> = {}) => vaultSettings(vaultSchema.parse(options), env);

function faults(options: unknown): string[] {
  const parsed = secretsSchema.safeParse(options);
  return parsed.success ? [] : parsed.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`);
}

test("without options, the variables of Vault's own programs say all", () => {
  const env = { VAULT_ADDR: "https://vault:8200", VAULT_NAMESPACE: "team", VAULT_CACERT: "/ca.pem" };
  assert.deepEqual(settings({}, env), {
    address: new URL("https://vault:8200"),
    namespace: "team",
    caFile: "/ca.pem",
    login: { method: "token", token: { from: "env", name: "VAULT_TOKEN" } },
  });
});

test("options win over the variables", () => {
  const env = { VAULT_ADDR: "https://other", VAULT_NAMESPACE: "other", VAULT_CACERT: "/other.pem" };
  const { address, namespace, caFile } = settings(
    { address: "http://vault:1", namespace: "a/b", ca_file: "/ca.pem" },
    env,
  );
  assert.deepEqual(
    { address: address.href, namespace, caFile },
    { address: "http://vault:1/", namespace: "a/b", caFile: "/ca.pem" },
  );
});

test("an empty variable counts as unset", () => {
  const { namespace, caFile } = settings({ address: "https://vault" }, { VAULT_NAMESPACE: "", VAULT_CACERT: "" });
  assert.deepEqual({ namespace, caFile }, { namespace: undefined, caFile: undefined });
});

test("an address that is nowhere to be found is a fault that names the variable", () => {
  const unset = { name: "ConfigError", message: /set secrets.vault.address, or the environment variable VAULT_ADDR/ };
  assert.throws(() => settings({}), unset);
  assert.throws(() => settings({}, { VAULT_ADDR: "" }), unset);
  assert.throws(() => settings({ address_env: "BAO_ADDR" }), /the environment variable BAO_ADDR/);
});

test("a variable with a bad address is named, and its value is not shown", () => {
  for (const value of [
    "vault:8200",
    "canary",
    "ftp://canary",
    "https://user:canary@vault",
    "https://vault?token=canary",
  ]) {
    assert.throws(
      () => settings({}, { VAULT_ADDR: value }),
      (error) =>
        error instanceof ConfigError && error.message.includes("VAULT_ADDR") && !error.message.includes("canary"),
      value,
    );
  }
});

test("an AppRole login takes its two halves from wherever they are", () => {
  const auth = { type: "approle", role_id: "role", secret_id_file: "/secret-id", mount: "team/approle" };
  assert.deepEqual(settings({ address: "https://vault", auth }).login, {
    method: "approle",
    mount: "team/approle",
    roleId: { from: "literal", value: "role" },
    secretId: { from: "file", path: "/secret-id" },
  });
});

test("a Kubernetes login uses the token that Kubernetes mounts, unless told otherwise", () => {
  const auth = { type: "kubernetes", role: "backup" };
  const mounted = { from: "file", path: "/var/run/secrets/kubernetes.io/serviceaccount/token" };
  assert.deepEqual(settings({ address: "https://vault", auth }).login, {
    method: "kubernetes",
    mount: "kubernetes",
    role: "backup",
    token: mounted,
  });
  const { login } = settings({ address: "https://vault", auth: { ...auth, token_file: "/projected" } });
  assert.deepEqual(login.method === "kubernetes" && login.token, { from: "file", path: "/projected" });
});

for (const [what, vault, fault] of [
  ["an unknown key", { adress: "https://vault" }, /vault: Unrecognized key: "adress"/],
  ["an address that is none", { address: "vault:8200" }, /vault.address: must be an address/],
  ["an address with a password", { address: "https://a:b@vault" }, /vault.address: .*without user/],
  ["an address twice", { address: "https://vault", address_env: "A" }, /vault.address_env: .*exclude each other/],
  ["an unknown way to be let in", { auth: { type: "ldap" } }, /vault.auth.type: /],
  ["a literal token", { auth: { type: "token", token: "x" } }, /vault.auth/],
  ["a token in the vault itself", { auth: { type: "token", token_vault: "a/b#c" } }, /vault.auth: Unrecognized key/],
  ["an AppRole without a role id", { auth: { type: "approle", secret_id_env: "S" } }, /vault.auth: needs role_id/],
  ["an AppRole without a secret id", { auth: { type: "approle", role_id: "r" } }, /vault.auth: needs secret_id/],
  ["a Kubernetes login without a role", { auth: { type: "kubernetes" } }, /vault.auth.role: /],
  ["a mount with slashes around it", { auth: { type: "kubernetes", role: "r", mount: "/k8s/" } }, /vault.auth.mount: /],
] as const) {
  test(`${what} is a fault`, () => {
    const found = faults({ vault });
    assert(
      found.some((line) => fault.test(line)),
      `${found.join("\n")} does not match ${fault}`,
    );
  });
}
