import assert from "node:assert/strict";
import { readdir, readFile, readlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { test } from "node:test";
import { toolConfig, toolUri } from "../../../../lib/connectors/mongodb/tool-config.ts";

const address = (uri: string, more = {}) => ({
  uri,
  tlsCaFile: undefined,
  tlsCertificateKeyFile: undefined,
  tlsCertificateKeyPassword: undefined,
  readPreference: undefined,
  ...more,
});

test("the tools get the URI without its database and without the times that they misread", () => {
  assert.equal(
    toolUri(address("mongodb://u:p@a,b/app?replicaSet=r&serverSelectionTimeoutMS=500&socketTimeoutMS=1")),
    "mongodb://u:p@a,b/?replicaSet=r&authSource=app",
  );
});

test("TLS files are in the URI, once", () => {
  const tls = { tlsCaFile: "/etc/ca.pem", tlsCertificateKeyFile: "/etc/key.pem", tlsCertificateKeyPassword: "a&b" };
  assert.equal(
    toolUri(address("mongodb://a/?tls=true&tlsCAFile=/old", tls)),
    "mongodb://a/?tls=true&tlsCAFile=%2Fetc%2Fca.pem&tlsCertificateKeyFile=%2Fetc%2Fkey.pem&tlsCertificateKeyFilePassword=a%26b",
  );
  assert.equal(toolUri(address("mongodb://a/")), "mongodb://a/");
});

test("the file has no name left when the program begins, and says the URI", async () => {
  const before = await readdir(tmpdir());
  const config = await toolConfig(address("mongodb://u:c4nary@a/"));
  try {
    assert.match(await readlink(`/proc/self/fd/${config.fd}`), /\(deleted\)$/);
    assert.equal(await readFile(`/proc/self/fd/${config.fd}`, "utf8"), 'uri: "mongodb://u:c4nary@a/"\n');
    const own = (await readdir(tmpdir())).filter(
      (name) => name.startsWith("core-backup-mongodb") && name.includes(`-${process.pid}-`),
    );
    assert.deepEqual(
      own.filter((name) => !before.includes(name)),
      [],
    );
  } finally {
    await config.close();
  }
});
