import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { inspect } from "node:util";
import { errorRecord } from "../../lib/errors.ts";
import { createLog } from "../../lib/log.ts";
import { vaultSchema } from "../../lib/secrets/options.ts";
import { createRedaction } from "../../lib/secrets/redaction.ts";
import { createSecretResolver } from "../../lib/secrets/resolver.ts";
import { makeServerCertificate, type ServerCertificate } from "../support/certificates.ts";
import { type FakeKubernetes, startFakeKubernetes } from "../support/fake-kubernetes.ts";
import { noVaultServer, startVaultServer, type VaultServer } from "../support/vault-server.ts";

/** Whatever is secret in here contains this word, so that one search finds any of it. */
const CANARY = "canary4711";
const POLICY = 'path "kv/data/app" { capabilities = ["read"] }\npath "team/kv/data/app" { capabilities = ["read"] }';

let folder: string;
let certificate: ServerCertificate;
let server: VaultServer;
let kubernetes: FakeKubernetes;
/** All that resolvers of this file made public: errors with their causes, and log lines. */
const told: string[] = [];

interface Asking {
  readonly auth?: object;
  readonly env?: Record<string, string>;
  readonly options?: object;
}

/** A resolver as a run has it. What it throws is logged as a run would, and kept in `told`. */
function asking({ auth = { type: "token" }, env = {}, options = {} }: Asking) {
  const redaction = createRedaction();
  const { signal } = new AbortController();
  const log = createLog({
    format: "text",
    level: "debug",
    redaction,
    now: () => new Date(0),
    write: (line) => told.push(line),
  });
  const vault = vaultSchema.parse({ address: server.address, ca_file: server.caFile, auth, ...options });
  const overVault = { sleep: async () => {} };
  const resolver = createSecretResolver({ env, vault, redaction, signal, overVault });
  return async (reference: string): Promise<string> => {
    try {
      return await resolver.resolve({ from: "vault", reference });
    } catch (error) {
      told.push(inspect(error, { depth: 10, showHidden: true }), JSON.stringify(errorRecord(error, (text) => text)));
      log.error("failed", { reason: error instanceof Error ? error.message : "" });
      throw error;
    }
  };
}

/** A token whose rights are the given policies. */
async function tokenWith(policies: string[], namespace?: string): Promise<string> {
  const { client_token } = await server.admin("POST", "auth/token/create", { policies }, namespace);
  return client_token;
}

const withToken = (token: string, options: object = {}) => asking({ env: { VAULT_TOKEN: token }, options });

async function file(name: string, content: string): Promise<string> {
  await writeFile(path.join(folder, name), content);
  return path.join(folder, name);
}

describe("a real OpenBao server over TLS", { skip: noVaultServer }, () => {
  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), "vault-"));
    certificate = await makeServerCertificate(path.join(folder, "tls"));
    server = await startVaultServer(certificate);
    kubernetes = await startFakeKubernetes();
    const mount = (at: string, version: string, namespace?: string) =>
      server.admin("POST", `sys/mounts/${at}`, { type: "kv", options: { version } }, namespace);
    await mount("kv", "2");
    await mount("old", "1");
    await mount("team/kv", "2");
    await server.admin("POST", "kv/data/app", { data: { token: `${CANARY}-kv`, other: `${CANARY}-other` } });
    await server.admin("POST", "kv/data/private", { data: { token: `${CANARY}-private` } });
    await server.admin("POST", "team/kv/data/app", { data: { token: `${CANARY}-team` } });
    await server.admin("POST", "old/app", { token: `${CANARY}-old` });
    await server.admin("POST", "sys/policies/acl/backup", { policy: POLICY });
  });
  after(async () => {
    await kubernetes.stop();
    await server.stop();
    await rm(folder, { recursive: true });
  });

  test("a token reads a field", async () => {
    assert.equal(await withToken(await tokenWith(["backup"]))("kv/app#token"), `${CANARY}-kv`);
  });

  test("a token from a file reads a field", async () => {
    const token_file = await file("token", `${await tokenWith(["backup"])}\n`);
    assert.equal(await asking({ auth: { type: "token", token_file } })("kv/app#token"), `${CANARY}-kv`);
  });

  test("a token file that was written anew is used when the old token has been revoked", async () => {
    const [first, second] = [await tokenWith(["backup"]), await tokenWith(["backup"])];
    const token_file = await file("renewed", first);
    const resolve = asking({ auth: { type: "token", token_file } });
    await resolve("kv/app#token");
    await server.admin("POST", "auth/token/revoke", { token: first });
    await writeFile(token_file, second);
    assert.equal(await resolve("kv/app#other"), `${CANARY}-other`);
  });

  test("a secret in a mount of several segments is found, with no right but to read it", async () => {
    assert.equal(await withToken(await tokenWith(["backup"]))("team/kv/app#token"), `${CANARY}-team`);
  });

  describe("with AppRole", () => {
    let roleId: string;
    const secretId = async (): Promise<string> =>
      (await server.admin("POST", "auth/approle/role/backup/secret-id", {})).secret_id;
    before(async () => {
      await server.admin("POST", "sys/auth/approle", { type: "approle" });
      await server.admin("POST", "auth/approle/role/backup", { token_policies: ["backup"], token_ttl: "1h" });
      roleId = (await server.admin("GET", "auth/approle/role/backup/role-id")).role_id;
    });

    test("role id and secret id are exchanged for a token", async () => {
      const auth = { type: "approle", role_id: roleId, secret_id_env: "SECRET_ID" };
      assert.equal(await asking({ auth, env: { SECRET_ID: await secretId() } })("kv/app#token"), `${CANARY}-kv`);
    });

    test("a secret id from a file and a role id from a variable do as well", async () => {
      const auth = {
        type: "approle",
        role_id_env: "ROLE_ID",
        secret_id_file: await file("secret-id", `${await secretId()}\n`),
      };
      assert.equal(await asking({ auth, env: { ROLE_ID: roleId } })("kv/app#token"), `${CANARY}-kv`);
    });

    test("a token that was revoked meanwhile is replaced by another login", async () => {
      const auth = { type: "approle", role_id: roleId, secret_id_env: "SECRET_ID" };
      const resolve = asking({ auth, env: { SECRET_ID: await secretId() } });
      await resolve("kv/app#token");
      const { keys } = await server.admin("GET", "auth/token/accessors?list=true");
      for (const accessor of keys) {
        const { path: made } = await server.admin("POST", "auth/token/lookup-accessor", { accessor });
        if (made === "auth/approle/login") await server.admin("POST", "auth/token/revoke-accessor", { accessor });
      }
      assert.equal(await resolve("kv/app#other"), `${CANARY}-other`);
    });

    test("a wrong secret id is refused in Vault's words, without its value", async () => {
      const auth = { type: "approle", role_id: roleId, secret_id_env: "SECRET_ID" };
      await assert.rejects(asking({ auth, env: { SECRET_ID: `${CANARY}-secret-id` } })("kv/app#token"), {
        code: "SECRET_MISSING",
        message: /refuses the approle login at auth\/approle: 400 \(invalid role or secret ID\)/,
      });
    });

    test("a mount that has no AppRole is named", async () => {
      const auth = { type: "approle", role_id: roleId, secret_id_env: "SECRET_ID", mount: "team/approle" };
      await assert.rejects(asking({ auth, env: { SECRET_ID: `${CANARY}-secret-id` } })("kv/app#token"), {
        code: "SECRET_MISSING",
        message: /auth\/team\/approle/,
      });
    });
  });

  describe("with Kubernetes", () => {
    before(async () => {
      await server.admin("POST", "sys/auth/kubernetes", { type: "kubernetes" });
      await server.admin("POST", "auth/kubernetes/config", {
        kubernetes_host: kubernetes.address,
        kubernetes_ca_cert: await readFile(certificate.caFile, "utf8"),
        token_reviewer_jwt: kubernetes.issue("reviewer"),
        disable_local_ca_jwt: true,
      });
      await server.admin("POST", "auth/kubernetes/role/backup", {
        bound_service_account_names: ["core-backup"],
        bound_service_account_namespaces: ["backups"],
        audience: "vault",
        token_policies: ["backup"],
      });
    });

    test("a service account's token is exchanged for one of Vault", async () => {
      const token_file = await file("jwt", kubernetes.issue("core-backup"));
      const auth = { type: "kubernetes", role: "backup", token_file };
      assert.equal(await asking({ auth })("kv/app#token"), `${CANARY}-kv`);
    });

    test("another service account is refused in Vault's words, without its token", async () => {
      const token = kubernetes.issue(`${CANARY}-account`);
      const auth = { type: "kubernetes", role: "backup", token_file: await file("jwt-of-other", token) };
      await assert.rejects(asking({ auth })("kv/app#token"), (error: Error) => {
        assert.match(error.message, /refuses the kubernetes login at auth\/kubernetes: 403 \(.*not authorized\)/);
        assert(!error.message.includes(token.split(".")[2] ?? token));
        return true;
      });
    });

    test("a missing token file is named", async () => {
      const auth = { type: "kubernetes", role: "backup", token_file: path.join(folder, "no-such-token") };
      await assert.rejects(asking({ auth })("kv/app#token"), {
        message: /no-such-token cannot be read: it does not exist/,
      });
    });
  });

  describe("in a namespace", () => {
    let token: string;
    before(async () => {
      await server.admin("POST", "sys/namespaces/team-a", {});
      await server.admin("POST", "sys/mounts/deep/kv", { type: "kv", options: { version: "2" } }, "team-a");
      await server.admin("POST", "deep/kv/data/app", { data: { token: `${CANARY}-namespace` } }, "team-a");
      const policy = 'path "deep/kv/data/app" { capabilities = ["read"] }';
      await server.admin("POST", "sys/policies/acl/backup", { policy }, "team-a");
      token = await tokenWith(["backup"], "team-a");
    });

    test("a secret is read by its path within the namespace", async () => {
      assert.equal(await withToken(token, { namespace: "team-a" })("deep/kv/app#token"), `${CANARY}-namespace`);
    });

    test("the namespace may come from VAULT_NAMESPACE", async () => {
      const env = { VAULT_TOKEN: token, VAULT_NAMESPACE: "team-a" };
      assert.equal(await asking({ env })("deep/kv/app#token"), `${CANARY}-namespace`);
    });

    test("outside of it there is no such secret for that token", async () => {
      await assert.rejects(withToken(token)("deep/kv/app#token"), { code: "SECRET_MISSING" });
    });

    test("a namespace that is not there is named", async () => {
      await assert.rejects(withToken(server.rootToken, { namespace: "team-b" })("kv/app#token"), {
        code: "SECRET_MISSING",
        message: /namespace team-b,.*\(namespace not found\)/,
      });
    });
  });

  describe("what fails, and how it is told", () => {
    const as = (policies: string[]) => async (reference: string) => withToken(await tokenWith(policies))(reference);
    const asRoot = (reference: string) => withToken(server.rootToken)(reference);

    test("a missing right names the path that the policy needs, never the token", async () => {
      const token = await tokenWith(["backup"]);
      await assert.rejects(withToken(token)("kv/private#token"), (error: Error) => {
        assert.match(
          error.message,
          /does not let this token read kv\/private \(403\): its policy needs "read" on kv\/data\/private/,
        );
        assert(!inspect(error, { depth: 10, showHidden: true }).includes(token));
        return true;
      });
    });

    test("a token that Vault does not know is refused", async () => {
      await assert.rejects(withToken(`${CANARY}-token`)("kv/app#token"), {
        code: "SECRET_MISSING",
        message: /\(403\).*expired/,
      });
    });

    test("a token that cannot be sent is refused without being shown", async () => {
      await assert.rejects(withToken(`${CANARY}\n-token`)("kv/app#token"), {
        code: "SECRET_MISSING",
        message: /cannot be sent/,
      });
    });

    test("a secret that is not there is said to be missing", async () => {
      await assert.rejects(asRoot("kv/nothing#token"), {
        code: "SECRET_MISSING",
        message: /has no secret kv\/nothing$/,
      });
    });

    test("a mount that is not there is said to be missing, in Vault's words", async () => {
      await assert.rejects(asRoot("nowhere/app#token"), {
        message: /has no secret nowhere\/app \(no handler for route/,
      });
    });

    test("a field that is not there is named, and the others are not", async () => {
      await assert.rejects(asRoot("kv/app#password"), { message: /the secret kv\/app in .* has no field password$/ });
    });

    test("a mount of KV version 1 is told, to root", async () => {
      await assert.rejects(asRoot("old/app#token"), { message: /has KV version 1 at old/ });
    });

    test("a mount of KV version 1 is told, to a token that may read the secret", async () => {
      await server.admin("POST", "sys/policies/acl/old", { policy: 'path "old/app" { capabilities = ["read"] }' });
      await assert.rejects(as(["old"])("old/app#token"), { message: /has KV version 1 at old/ });
    });

    test("a mount that holds no secrets is told", async () => {
      await assert.rejects(asRoot("sys/policies#token"), { message: /has a system engine at sys, not KV version 2/ });
    });

    test("a deleted version and a destroyed one are told apart from a missing secret", async () => {
      await server.admin("POST", "kv/data/gone", { data: { token: `${CANARY}-gone` } });
      await server.admin("DELETE", "kv/data/gone");
      await assert.rejects(asRoot("kv/gone#token"), {
        message: /the latest version of kv\/gone in .* was deleted at \d{4}-/,
      });
      await server.admin("POST", "kv/destroy/gone", { versions: [1] });
      await assert.rejects(asRoot("kv/gone#token"), { message: /the latest version of kv\/gone in .* was destroyed/ });
    });

    test("a certificate of an authority that is not given is not trusted", async () => {
      const resolve = withToken(server.rootToken, { ca_file: undefined });
      await assert.rejects(resolve("kv/app#token"), { code: "SECRET_MISSING", message: /is not trusted .*ca_file/ });
    });

    test("a certificate of another authority is not trusted", async () => {
      const other = await makeServerCertificate(path.join(folder, "other"));
      const resolve = withToken(server.rootToken, { ca_file: other.caFile });
      await assert.rejects(resolve("kv/app#token"), { code: "SECRET_MISSING", message: /is not trusted/ });
    });

    test("the authority may come from VAULT_CACERT", async () => {
      const env = { VAULT_TOKEN: server.rootToken, VAULT_CACERT: certificate.caFile };
      assert.equal(await asking({ env, options: { ca_file: undefined } })("kv/app#token"), `${CANARY}-kv`);
    });

    test("a file that holds no certificate is named", async () => {
      const ca_file = await file("no-ca.pem", "nothing of the kind\n");
      await assert.rejects(withToken(server.rootToken, { ca_file })("kv/app#token"), {
        code: "SECRET_MISSING",
        message: /no-ca\.pem holds no PEM certificate/,
      });
    });

    test("plain HTTP to a server that speaks TLS is told in the server's words", async () => {
      const address = server.address.replace("https:", "http:");
      await assert.rejects(withToken(server.rootToken, { address })("kv/app#token"), {
        message: /HTTP request to an HTTPS server/,
      });
    });

    test("TLS to a server that speaks plain HTTP is told", async () => {
      const plain = await startVaultServer();
      try {
        const address = plain.address.replace("http:", "https:");
        await assert.rejects(withToken(server.rootToken, { address })("kv/app#token"), {
          message: /does not speak TLS/,
        });
        assert.equal(plain.caFile, undefined);
      } finally {
        await plain.stop();
      }
    });

    test("a port where nothing listens is a transient error", async () => {
      const server = createServer().listen(0, "127.0.0.1");
      await new Promise((resolve) => server.once("listening", resolve));
      const address = server.address();
      await new Promise((resolve) => server.close(resolve));
      assert(typeof address === "object" && address !== null);
      const resolve = withToken(`${CANARY}-token`, { address: `http://127.0.0.1:${address.port}` });
      await assert.rejects(resolve("kv/app#token"), {
        name: "TransientError",
        message: /cannot be reached \(ECONNREFUSED\)/,
      });
    });

    test("a sealed server is a transient error", async () => {
      const sealed = await startVaultServer();
      try {
        await sealed.admin("POST", "sys/seal", {});
        const resolve = withToken(`${CANARY}-token`, { address: sealed.address, ca_file: undefined });
        await assert.rejects(resolve("kv/app#token"), {
          name: "TransientError",
          message: /answers 503 \(.*sealed.*\)/,
        });
      } finally {
        await sealed.stop();
      }
    });
  });

  test("nothing that any of this told holds a secret", () => {
    assert(told.length > 40, "the tests above told something");
    const search = createRedaction();
    search.add(CANARY);
    search.add(server.rootToken);
    for (const text of told) assert.equal(search.redact(text), text);
  });
});
