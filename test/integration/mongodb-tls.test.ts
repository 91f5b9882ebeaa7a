import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { BSON, MongoClient } from "mongodb";
import { CodedError } from "../../lib/errors.ts";
import { never } from "../contract/connector.ts";
import { makeServerCertificate, type ServerCertificate } from "../support/certificates.ts";
import { useDnsServer } from "../support/dns-server.ts";
import { openMongodb } from "../support/mongo-connector.ts";
import { noFerret, startFerret } from "../support/mongo-servers.ts";
import { type Answer, type Command, startScriptedMongo } from "../support/scripted-mongo.ts";

const PASSWORD = "k3y-p4ssw0rd";
const app = { app: [{ name: "a", documents: [BSON.serialize({ _id: 1 })] }] };
const fails = (code: string, message: RegExp) => (error: unknown) => {
  assert.ok(error instanceof CodedError, String(error));
  assert.match(error.message, message);
  assert.equal(error.code, code, error.message);
  return true;
};

let folder: string;
let certificate: ServerCertificate;
/** Certificate and key in one file; in the other the key is locked. */
let own: { readonly plain: string; readonly locked: string };

before(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "mongodb-tls-"));
  certificate = await makeServerCertificate(folder);
  const { certFile, keyFile } = certificate;
  own = { plain: path.join(folder, "own.pem"), locked: path.join(folder, "locked.pem") };
  const key = execFileSync("openssl", ["pkcs8", "-topk8", "-in", keyFile, "-passout", `pass:${PASSWORD}`]);
  await writeFile(own.plain, (await readFile(certFile, "utf8")) + (await readFile(keyFile, "utf8")));
  await writeFile(own.locked, (await readFile(certFile, "utf8")) + key);
});
after(() => rm(folder, { recursive: true, force: true }));

const documentsIn = async (options: object, env: Readonly<Record<string, string>> = {}) => {
  await using opened = await openMongodb(options, env);
  await opened.connector.prepare(never());
  return (await opened.collect("app")).items[0]?.artifact.facts.documents;
};

describe("a server that wants TLS and a certificate of ours", { skip: noFerret }, () => {
  test("is read, and proved on, with both; a lacking, locked or foreign one is told as such", async () => {
    await using server = await startFerret({ tls: certificate });
    await using client = await MongoClient.connect(server.uri, {
      tls: true,
      tlsCAFile: certificate.caFile,
      tlsCertificateKeyFile: own.plain,
    });
    await client.db("app").collection<{ _id: number }>("a").insertOne({ _id: 1 });
    const uri = `${server.uri}/?serverSelectionTimeoutMS=1500`;
    const files = { tls_ca_file: certificate.caFile, tls_certificate_key_file: own.locked };
    const secret = { tls_certificate_key_password_env: "KEY_PASSWORD" };
    const env = { KEY_PASSWORD: PASSWORD, PROVE_URI: uri };

    await using opened = await openMongodb({ uri, ...files, ...secret, prove_uri_env: "PROVE_URI" }, env);
    const [archive] = (await opened.collect("app")).items;
    assert.equal(archive?.artifact.facts.documents, 1);
    if (archive === undefined) throw new Error("nothing was collected");
    assert.equal((await opened.prove(archive.artifact, archive.bytes, true)).level, "full");

    const { caFile } = await makeServerCertificate(path.join(folder, "other"));
    await assert.rejects(
      documentsIn({ uri, tls_certificate_key_file: own.plain }),
      fails("SOURCE_UNAVAILABLE", /is not trusted/),
    );
    await assert.rejects(documentsIn({ uri, tls_ca_file: caFile }), fails("SOURCE_UNAVAILABLE", /is not trusted/));
    await assert.rejects(
      documentsIn({ uri, tls_ca_file: certificate.caFile }),
      fails("SOURCE_UNAVAILABLE", /connecting to the server/),
    );
    await assert.rejects(documentsIn({ uri, ...files }), fails("CONFIG_INVALID", /^tls_certificate_key: the password/));
    await assert.rejects(documentsIn({ uri, ...files, ...secret }, { KEY_PASSWORD: "wr0ng" }), (error) => {
      assert.ok(!String(error).includes("wr0ng"));
      return fails("CONFIG_INVALID", /^tls_certificate_key: the password/)(error);
    });
    await assert.rejects(documentsIn({ uri, tls_ca_file: path.join(folder, "none") }), fails("SECRET_MISSING", /none/));
    await assert.rejects(
      documentsIn({ uri, tls_ca_env: "CA" }, { CA: "certificates" }),
      fails("CONFIG_INVALID", /^tls_ca: holds no certificates/),
    );
  });

  test("is read with authorities and a certificate that lie in no file, as on AWS", async () => {
    await using server = await startFerret({ tls: certificate });
    const tls = { tls: true, tlsCAFile: certificate.caFile, tlsCertificateKeyFile: own.plain };
    await using client = await MongoClient.connect(server.uri, tls);
    await client.db("app").collection<{ _id: number }>("a").insertOne({ _id: 1 });
    const texts = { tls_ca_env: "CA", tls_certificate_key_env: "OURS" };
    const env = { CA: await readFile(certificate.caFile, "utf8"), OURS: await readFile(own.plain, "utf8") };
    assert.equal(await documentsIn({ uri: server.uri, ...texts }, env), 1);
  });
});

describe("X.509", () => {
  /** Lets in who shows a certificate, under the name that it says. */
  const asks = (command: Command): Answer => {
    if (command.name === "authenticate") return { dbname: "$external", user: command.certificate ?? "" };
    return command.name === "find" && command.certificate !== "test server"
      ? { code: 13, errmsg: "not authorized" }
      : undefined;
  };

  test("signs in with the certificate, and no password is sent", async () => {
    await using server = await startScriptedMongo({ databases: app, answer: asks, tls: certificate });
    const uri = `${server.uri}/?authMechanism=MONGODB-X509&authSource=$external`;
    const files = { tls_ca_file: certificate.caFile, tls_certificate_key_file: own.plain };
    assert.equal(await documentsIn({ uri, ...files }), 1);
    const signedIn = server.seen.find(({ name }) => name === "authenticate");
    assert.equal(signedIn?.body.mechanism, "MONGODB-X509");
    assert.equal(signedIn.certificate, "test server");
    assert.ok(!server.seen.some(({ name }) => name.startsWith("sasl")));
  });
});

describe("mongodb+srv", () => {
  const zone = (port: number) => ({
    srv: { "_mongodb._tcp.cluster.example.test": [{ host: "db1.example.test", port }] },
    txt: { "cluster.example.test": ["authSource=people"] },
  });

  test("finds the servers and the options that the domain has for them", async () => {
    await using server = await startScriptedMongo({ databases: app });
    await using _ = await useDnsServer(zone(Number(new URL(server.uri).port)));
    assert.equal(await documentsIn({ uri: "mongodb+srv://cluster.example.test/?tls=false" }), 1);
  });

  test("that names no servers, one in another domain, or none that answers, is told as such", async () => {
    const foreign = { "_mongodb._tcp.cluster.example.test": [{ host: "db1.evil.test", port: 1 }] };
    const uri = "mongodb+srv://cluster.example.test/?tls=false";
    for (const [srv, code, message] of [
      [{}, "SOURCE_UNAVAILABLE", /names no servers/],
      [foreign, "CONFIG_INVALID", /evil\.test|parent|match/i],
    ] as const) {
      await using _ = await useDnsServer({ srv, txt: {} });
      await assert.rejects(documentsIn({ uri }), fails(code, message));
    }
  });
});
