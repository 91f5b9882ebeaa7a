import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { dockerVolume } from "../../lib/connectors/docker-volume/docker-volume.ts";
import { CodedError } from "../../lib/errors.ts";
import { collectAll, never } from "../contract/connector.ts";
import { makeServerCertificate, type ServerCertificate } from "../support/certificates.ts";
import { type DockerEngine, dockerMissing, startDockerEngine } from "../support/docker-engine.ts";
import { freePort } from "../support/free-port.ts";
import { type SshServer, sshMissing, startSshServer } from "../support/ssh-server.ts";

describe("an Engine on another machine", { skip: dockerMissing() || sshMissing() }, () => {
  let folder: string;
  let certificate: ServerCertificate;
  let engine: DockerEngine;
  let ssh: SshServer;
  let port: number;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "docker-remote-"));
    certificate = await makeServerCertificate(folder);
    port = await freePort();
    const { caFile, certFile, keyFile } = certificate;
    engine = await startDockerEngine([
      ...["--host", `tcp://127.0.0.1:${port}`, "--tlsverify"],
      ...["--tlscacert", caFile, "--tlscert", certFile, "--tlskey", keyFile],
    ]);
    await engine.docker("volume", "create", "far");
    await writeFile(join(await engine.folderOf("far"), "file"), "far away");
    ssh = await startSshServer({ acceptEnv: false });
  });
  after(async () => {
    await ssh?.[Symbol.asyncDispose]();
    await engine?.[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  /** What one volume gives, over whatever leads there. Secrets are files here. */
  async function collected(options: object) {
    const secrets = { resolve: (reference: { from: string; path?: string }) => readFile(reference.path ?? "", "utf8") };
    const redaction = { add: () => {}, redact: (text: string) => text };
    const context = { secrets, redaction, avoid: [], now: () => new Date() };
    const connector = await dockerVolume.create(dockerVolume.options.parse({ volumes: "far", ...options }), context);
    try {
      await connector.prepare(never());
      const [unit] = await Array.fromAsync(connector.units(never()));
      assert.ok(unit !== undefined);
      const [tar] = await collectAll(connector, unit);
      return { facts: tar?.artifact.facts, text: Buffer.from(tar?.bytes ?? []).toString("latin1") };
    } finally {
      await connector.cleanup();
    }
  }

  function fails(options: object, code: string, words: RegExp) {
    return assert.rejects(collected(options), (error) => {
      assert.ok(error instanceof CodedError, String(error));
      assert.match(error.message, words);
      assert.equal(error.code, code);
      return true;
    });
  }

  test("is read over TLS with both sides' certificates, and by the Engine", async () => {
    const { caFile, certFile, keyFile } = certificate;
    const tls = { ca_file: caFile, cert_file: certFile, key_file: keyFile };
    for (const machine of ["127.0.0.1", "localhost"]) {
      const { text, facts } = await collected({ host: `tcp://${machine}:${port}`, tls });
      assert.match(text, /far away/);
      assert.equal(facts?.readBy, "engine");
    }
  });

  test("that asks for a certificate we do not show, or that we do not trust, or that wants TLS, says so", async () => {
    const { caFile } = certificate;
    const host = `tcp://127.0.0.1:${port}`;
    await fails({ host, tls: { ca_file: caFile } }, "SOURCE_UNAUTHORIZED", /TLS/);
    await fails({ host, tls: {} }, "SOURCE_UNAUTHORIZED", /TLS/);
    await fails({ host }, "SOURCE_FAILED", /HTTPS/);
  });

  test("is read through ssh, which ends with the connector", async () => {
    const { url, keyFile, knownHostsFile } = ssh;
    const options = { ssh_key_file: keyFile, ssh_known_hosts_file: knownHostsFile };
    const { text, facts } = await collected({ host: `${url}${engine.socket}`, ...options });
    assert.match(text, /far away/);
    assert.equal(facts?.readBy, "engine");
  });

  test("behind an ssh that refuses us, or a host that we do not know, or without an Engine, is told as such", async () => {
    const { url, keyFile, strangeKeyFile, knownHostsFile, emptyKnownHostsFile } = ssh;
    const host = `${url}${engine.socket}`;
    const known = { ssh_known_hosts_file: knownHostsFile };
    await fails({ host, ssh_key_file: strangeKeyFile, ...known }, "SOURCE_UNAUTHORIZED", /ssh was refused/);
    await fails(
      { host, ssh_key_file: keyFile, ssh_known_hosts_file: emptyKnownHostsFile },
      "SOURCE_FORBIDDEN",
      /host's key/,
    );
    await fails({ host: `${url}/no/such/socket`, ssh_key_file: keyFile, ...known }, "SOURCE_UNAVAILABLE", /./);
  });
});
