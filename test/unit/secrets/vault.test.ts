import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfigError, InterruptedError, TransientError } from "../../../lib/errors.ts";
import { createRedaction } from "../../../lib/secrets/redaction.ts";
import { createVault } from "../../../lib/secrets/vault.ts";
import type { HttpReply } from "../../../lib/secrets/vault-exchange.ts";
import type { VaultLogin, VaultSettings } from "../../../lib/secrets/vault-settings.ts";
import { faultOf, replyOf, scriptedVault, secretReply } from "../../support/vault-replies.ts";

const byToken: VaultLogin = { method: "token", token: { from: "env", name: "VAULT_TOKEN" } };
const byAppRole: VaultLogin = {
  method: "approle",
  mount: "approle",
  roleId: { from: "literal", value: "role" },
  secretId: { from: "env", name: "SECRET_ID" },
};
const issued = (token: string) => replyOf(200, { auth: { client_token: token } });
const forbidden = replyOf(403, { errors: ["permission denied"] });
const noMount = replyOf(403, { errors: ["preflight capability check returned 403"] });

interface Setting {
  readonly login?: VaultLogin;
  readonly settings?: Partial<VaultSettings>;
  readonly signal?: AbortSignal;
  readonly tokens?: string[];
}

function vaultWith(replies: readonly (HttpReply | Error)[], setting: Setting = {}) {
  const { calls, exchange } = scriptedVault(replies);
  const waits: number[] = [];
  const redaction = createRedaction();
  const tokens = setting.tokens ?? ["token-1"];
  const vault = createVault(
    {
      address: new URL("https://vault:8200"),
      namespace: undefined,
      caFile: undefined,
      login: setting.login ?? byToken,
      ...setting.settings,
    },
    {
      local: async (reference) => (reference.from === "literal" ? reference.value : (tokens.shift() ?? "token-last")),
      redaction,
      signal: setting.signal ?? new AbortController().signal,
      exchange,
      sleep: async (ms) => {
        waits.push(ms);
      },
    },
  );
  return { vault, calls, waits, redaction, asked: () => calls.map(({ method, url }) => `${method} ${url.pathname}`) };
}

const failsWith = (message: RegExp) => (error: unknown) => {
  assert(error instanceof ConfigError, String(error));
  assert.equal(error.code, "SECRET_MISSING");
  assert.match(error.message, message);
  return true;
};

test("a field is read from below data/, with the token and the marks of a Vault request", async () => {
  const { vault, calls, asked } = vaultWith([secretReply({ token: "value", other: "x" })]);
  assert.equal(await vault.read("kv/team/app#token"), "value");
  assert.deepEqual(asked(), ["GET /v1/kv/data/team/app"]);
  assert.equal(calls[0]?.headers["x-vault-token"], "token-1");
  assert.equal(calls[0]?.headers["x-vault-request"], "true");
  assert.equal("x-vault-namespace" in (calls[0]?.headers ?? {}), false);
});

test("a namespace is sent, and named in errors", async () => {
  const { vault, calls } = vaultWith([replyOf(404, { errors: [] }), noMount], {
    settings: { namespace: "team/backups" },
  });
  await assert.rejects(
    vault.read("kv/app#x"),
    failsWith(/^Vault at https:\/\/vault:8200, namespace team\/backups, has no secret kv\/app$/),
  );
  assert.equal(calls[0]?.headers["x-vault-namespace"], "team/backups");
});

test("an address may have a path", async () => {
  const { vault, asked } = vaultWith([secretReply({ x: "value" })], {
    settings: { address: new URL("https://proxy/vault/") },
  });
  await vault.read("kv/app#x");
  assert.deepEqual(asked(), ["GET /vault/v1/kv/data/app"]);
});

test("segments of a path are encoded", async () => {
  const { vault, calls } = vaultWith([secretReply({ x: "value" })]);
  await vault.read("kv/a?b%2F/c:ö#x");
  assert.equal(calls[0]?.url.href, "https://vault:8200/v1/kv/data/a%3Fb%252F/c%3A%C3%B6");
});

for (const reference of [
  "kv/app",
  "kv#x",
  "kv/#x",
  "kv//app#x",
  "kv/../sys/seal#x",
  "kv/./app#x",
  "#x",
  "kv/app#",
  "kv/app#x#y",
]) {
  test(`the reference ${reference} is refused before anything is asked`, async () => {
    const { vault, calls } = vaultWith([]);
    await assert.rejects(vault.read(reference), failsWith(/has not the form mount\/path#field/));
    assert.equal(calls.length, 0);
  });
}

test("a mount with slashes is found by asking where the path is mounted", async () => {
  const mount = replyOf(200, { data: { path: "team/kv/", type: "kv", options: { version: "2" } } });
  const { vault, asked } = vaultWith([
    replyOf(404, { errors: ["no handler for route"] }),
    mount,
    secretReply({ x: "value" }),
  ]);
  assert.equal(await vault.read("team/kv/app#x"), "value");
  assert.deepEqual(asked(), [
    "GET /v1/team/data/kv/app",
    "GET /v1/sys/internal/ui/mounts/team/kv/app",
    "GET /v1/team/kv/data/app",
  ]);
});

for (const [what, options, message] of [
  ["of version 1", { type: "kv", options: { version: "1" } }, /has KV version 1 at kv/],
  ["without a version", { type: "kv", options: null }, /has KV version 1 at kv/],
  ["of another engine", { type: "transit", options: null }, /has a transit engine at kv, not KV version 2/],
] as const) {
  test(`a mount ${what} is told apart from a secret that is missing`, async () => {
    const mount = replyOf(200, { data: { path: "kv/", ...options } });
    const { vault } = vaultWith([replyOf(404, { errors: [] }), mount]);
    await assert.rejects(vault.read("kv/app#x"), failsWith(message));
  });
}

test("a reference that ends at its mount names no secret", async () => {
  const mount = replyOf(200, { data: { path: "team/kv/", type: "kv", options: { version: "2" } } });
  const { vault } = vaultWith([replyOf(404, { errors: [] }), mount]);
  await assert.rejects(vault.read("team/kv#x"), failsWith(/team\/kv is a mount/));
});

for (const [what, metadata, message] of [
  [
    "deleted",
    { deletion_time: "2026-01-02T03:04:05Z", destroyed: false },
    /latest version of kv\/app .* was deleted at 2026-01-02T03:04:05Z/,
  ],
  ["destroyed", { deletion_time: "", destroyed: true }, /latest version of kv\/app .* was destroyed/],
] as const) {
  test(`a version that was ${what} is said to be`, async () => {
    const { vault, calls } = vaultWith([replyOf(404, { data: { data: null, metadata } })]);
    await assert.rejects(vault.read("kv/app#x"), failsWith(message));
    assert.equal(calls.length, 1);
  });
}

test("a missing field is named, and no other field is", async () => {
  const { vault } = vaultWith([secretReply({ canary: "canary" })]);
  await assert.rejects(vault.read("kv/app#x"), (error: Error) => {
    assert.doesNotMatch(error.message, /canary/);
    return failsWith(/the secret kv\/app in .* has no field x/)(error);
  });
});

test("a field that every object has is missing", async () => {
  const { vault } = vaultWith([secretReply({ x: "value" })]);
  await assert.rejects(vault.read("kv/app#constructor"), failsWith(/has no field constructor/));
});

test("a field that is not text is refused, without its value", async () => {
  const { vault } = vaultWith([secretReply({ x: 271828 })]);
  await assert.rejects(vault.read("kv/app#x"), (error: Error) => {
    assert.doesNotMatch(error.message, /271828/);
    return failsWith(/the field x .* is not text/)(error);
  });
});

for (const [what, reply] of [
  ["a page", replyOf(200, "<html>canary</html>")],
  ["other JSON", replyOf(200, { value: "canary" })],
  ["a status of its own", replyOf(418, { value: "canary" })],
] as const) {
  test(`${what} in place of a secret is refused without being shown`, async () => {
    const { vault } = vaultWith([reply]);
    await assert.rejects(vault.read("kv/app#x"), (error: Error) => {
      assert.doesNotMatch(error.message, /canary/);
      return failsWith(/no KV version 2 secret/)(error);
    });
  });
}

test("a refused token is read again once, because somebody may have renewed it", async () => {
  const { vault, calls } = vaultWith([secretReply({ x: "1" }), forbidden, secretReply({ x: "2" })], {
    tokens: ["token-1", "token-2"],
  });
  assert.equal(await vault.read("kv/app#x"), "1");
  assert.equal(await vault.read("kv/app#x"), "2");
  assert.deepEqual(
    calls.map(({ headers }) => headers["x-vault-token"]),
    ["token-1", "token-1", "token-2"],
  );
});

test("a token that is the same when read again is not tried again", async () => {
  const { vault, calls } = vaultWith([secretReply({ x: "1" }), forbidden, noMount], {
    tokens: ["same", "same", "same"],
  });
  await vault.read("kv/app#x");
  await assert.rejects(vault.read("kv/app#x"), failsWith(/its policy needs "read" on kv\/data\/app/));
  assert.equal(calls.length, 3);
});

test("one login serves all readers, also those who come at once", async () => {
  const { vault, asked } = vaultWith([issued("t"), secretReply({ x: "1" }), secretReply({ x: "2" })], {
    login: byAppRole,
  });
  assert.deepEqual(await Promise.all([vault.read("kv/a#x"), vault.read("kv/b#x")]), ["1", "2"]);
  assert.deepEqual(asked(), ["POST /v1/auth/approle/login", "GET /v1/kv/data/a", "GET /v1/kv/data/b"]);
});

test("a login whose token has expired is made again, once", async () => {
  const replies = [issued("t1"), secretReply({ x: "1" }), forbidden, issued("t2"), secretReply({ x: "2" })];
  const { vault, calls } = vaultWith(replies, { login: byAppRole });
  await vault.read("kv/app#x");
  assert.equal(await vault.read("kv/app#x"), "2");
  assert.equal(calls[4]?.headers["x-vault-token"], "t2");
});

test("a token that was just issued and is refused lacks a right: there is no second login", async () => {
  const { vault, asked } = vaultWith([issued("t1"), forbidden, noMount], { login: byAppRole });
  await assert.rejects(vault.read("kv/app#x"), failsWith(/does not let this token read kv\/app \(403\)/));
  assert.equal(asked().filter((line) => line.includes("login")).length, 1);
});

test("an issued token is known to redaction, and a login that fails is not kept", async () => {
  const refused = replyOf(400, { errors: ["invalid role or secret ID"] });
  const { vault, redaction } = vaultWith([refused, issued("issued-token"), secretReply({ x: "1" })], {
    login: byAppRole,
  });
  await assert.rejects(
    vault.read("kv/app#x"),
    failsWith(/refuses the approle login at auth\/approle: 400 \(invalid role or secret ID\)/),
  );
  assert.equal(await vault.read("kv/app#x"), "1");
  assert.equal(redaction.redact("issued-token"), "***");
});

test("what the server says about a fault is quoted without secrets, on one line", async () => {
  const { vault, redaction } = vaultWith([replyOf(400, { errors: ["line 1\nwith canary-value", "more"] })], {
    login: byAppRole,
  });
  redaction.add("canary-value");
  await assert.rejects(vault.read("kv/app#x"), failsWith(/400 \(line 1 with \*\*\*; more\)$/));
});

test("a login method that is not there is said to be missing", async () => {
  const { vault } = vaultWith([replyOf(404, { errors: ["no handler"] })], { login: byAppRole });
  await assert.rejects(vault.read("kv/app#x"), failsWith(/has no auth\/approle for the approle login \(no handler\)/));
});

test("a login answered without a token is refused", async () => {
  const { vault } = vaultWith([replyOf(200, { auth: null })], { login: byAppRole });
  await assert.rejects(vault.read("kv/app#x"), failsWith(/without a token/));
});

test("server faults and lost connections are tried again, with waits", async () => {
  const { vault, calls, waits } = vaultWith([
    replyOf(503, { errors: ["Vault is sealed"] }),
    faultOf("ECONNRESET"),
    replyOf(500, ""),
    secretReply({ x: "value" }),
  ]);
  assert.equal(await vault.read("kv/app#x"), "value");
  assert.equal(calls.length, 4);
  assert.equal(waits.length, 3);
});

test("tries end, with the last fault as a transient error", async () => {
  const { vault, calls } = vaultWith(Array(4).fill(replyOf(503, { errors: ["Vault is sealed"] })));
  await assert.rejects(vault.read("kv/app#x"), (error) => {
    assert(error instanceof TransientError);
    assert.equal(error.message, "Vault at https://vault:8200 answers 503 (Vault is sealed)");
    return true;
  });
  assert.equal(calls.length, 4);
});

test("a server that asks to slow down gets the time it asks for", async () => {
  const { vault, waits } = vaultWith([
    replyOf(429, { errors: [] }, { "retry-after": "7" }),
    secretReply({ x: "value" }),
  ]);
  assert.equal(await vault.read("kv/app#x"), "value");
  assert(waits[0] !== undefined && waits[0] >= 7000);
});

for (const [code, message] of [
  ["ECONNREFUSED", /^Vault at https:\/\/vault:8200 cannot be reached \(ECONNREFUSED\)$/],
  ["ENOTFOUND", /cannot be reached \(ENOTFOUND\)/],
  ["ETIMEDOUT", /does not answer in time/],
] as const) {
  test(`${code} is transient`, async () => {
    const { vault } = vaultWith(Array(4).fill(faultOf(code)));
    await assert.rejects(vault.read("kv/app#x"), { name: "TransientError", code: "SOURCE_UNAVAILABLE", message });
  });
}

for (const [code, message] of [
  ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", /certificate of Vault at https:\/\/vault:8200 is not trusted .* set ca_file/],
  ["SELF_SIGNED_CERT_IN_CHAIN", /is not trusted/],
  ["DEPTH_ZERO_SELF_SIGNED_CERT", /is not trusted/],
  ["CERT_HAS_EXPIRED", /is not trusted \(CERT_HAS_EXPIRED\)/],
  ["ERR_TLS_CERT_ALTNAME_INVALID", /is not trusted/],
  ["EPROTO", /does not speak TLS/],
  ["ERR_SSL_WRONG_VERSION_NUMBER", /does not speak TLS/],
  ["ERR_INVALID_CHAR", /characters that cannot be sent/],
] as const) {
  test(`${code} is not tried again`, async () => {
    const { vault, calls } = vaultWith([faultOf(code)]);
    await assert.rejects(vault.read("kv/app#x"), failsWith(message));
    assert.equal(calls.length, 1);
  });
}

test("a reply longer than any secret is not tried again", async () => {
  const { vault, calls } = vaultWith([new RangeError("more than the 9 bytes allowed here")]);
  await assert.rejects(vault.read("kv/app#x"), failsWith(/answers with more than the 9 bytes allowed here/));
  assert.equal(calls.length, 1);
});

test("a standby server's redirect is followed once", async () => {
  const away = replyOf(307, "", { location: "https://active:8200/v1/kv/data/app" });
  const { vault, calls } = vaultWith([away, secretReply({ x: "value" })]);
  assert.equal(await vault.read("kv/app#x"), "value");
  assert.equal(calls[1]?.url.href, "https://active:8200/v1/kv/data/app");

  const twice = vaultWith([away, away]);
  await assert.rejects(
    twice.vault.read("kv/app#x"),
    failsWith(/redirects to https:\/\/active:8200, which is not followed/),
  );
});

for (const [what, status, location] of [
  ["to plain HTTP", 307, "http://vault:8200/"],
  ["that is no standby's", 301, "https://login.example.com/?next=canary"],
  ["to nowhere", 307, undefined],
] as const) {
  test(`a redirect ${what} is not followed`, async () => {
    const { vault, calls } = vaultWith([replyOf(status, "", location === undefined ? {} : { location })]);
    await assert.rejects(vault.read("kv/app#x"), (error: Error) => {
      assert.doesNotMatch(error.message, /canary/);
      return failsWith(/which is not followed/)(error);
    });
    assert.equal(calls.length, 1);
  });
}

test("a run that is told to stop does not wait for Vault", async () => {
  const controller = new AbortController();
  const { vault, calls } = vaultWith([secretReply({ x: "value" })], { signal: controller.signal });
  controller.abort(new InterruptedError("SIGTERM"));
  await assert.rejects(vault.read("kv/app#x"), { name: "InterruptedError" });
  assert.equal(calls.length, 0);
});
