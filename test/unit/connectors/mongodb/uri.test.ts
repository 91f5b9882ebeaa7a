import assert from "node:assert/strict";
import { test } from "node:test";
import {
  uriParameter,
  uriSecrets,
  withoutDatabase,
  withoutParameters,
  withParameter,
} from "../../../../lib/connectors/mongodb/uri.ts";

test("every secret of a URI is found, as it stands there and decoded", () => {
  assert.deepEqual(uriSecrets("mongodb://us%40er:p%40ss%3A1@a,b:1/x?replicaSet=r"), ["p%40ss%3A1", "p@ss:1"]);
  assert.deepEqual(uriSecrets("mongodb://a/?tlsCertificateKeyFilePassword=k%21"), ["k%21", "k!"]);
  const [, , token] = uriSecrets("mongodb://a/?authMechanismProperties=SERVICE:x,AWS_SESSION_TOKEN:tok%2F1&tls=true");
  assert.equal(token, "tok%2F1");
  assert.deepEqual(uriSecrets("mongodb://user@a/"), []);
  assert.deepEqual(uriSecrets("mongodb://a"), []);
});

test("parameters are found whatever their case", () => {
  assert.equal(uriParameter("mongodb://a/?authmechanism=MONGODB-AWS", "authMechanism"), "MONGODB-AWS");
  assert.equal(uriParameter("mongodb://a/", "authMechanism"), undefined);
});

test("parameters are taken out and put in, and a path is made for them", () => {
  const uri = "mongodb://u:p@a,b/?x=1&connectTimeoutMS=5&y=2";
  assert.equal(withoutParameters(uri, ["connecttimeoutms"]), "mongodb://u:p@a,b/?x=1&y=2");
  assert.equal(withoutParameters("mongodb://a/?x=1", ["x"]), "mongodb://a/");
  assert.equal(
    withParameter("mongodb://u:p@a,b", "tlsCAFile", "/etc/a b"),
    "mongodb://u:p@a,b/?tlsCAFile=%2Fetc%2Fa%20b",
  );
  assert.equal(withParameter("mongodb://a/db?x=1", "y", "2"), "mongodb://a/db?x=1&y=2");
});

test("a URI loses its database and keeps where its user is looked up", () => {
  const cases = {
    "mongodb://u:p@a/app": "mongodb://u:p@a/?authSource=app",
    "mongodb://u:p@a/app?x=1": "mongodb://u:p@a/?x=1&authSource=app",
    "mongodb://u:p@a/app?authSource=admin": "mongodb://u:p@a/?authSource=admin",
    "mongodb://a/app": "mongodb://a/",
    "mongodb://u@a/app?authMechanism=MONGODB-X509": "mongodb://u@a/?authMechanism=MONGODB-X509",
    // Where an SRV record is, a TXT record may say it.
    "mongodb+srv://u:p@a/app": "mongodb+srv://u:p@a/",
    "mongodb://u:p@a": "mongodb://u:p@a",
    "mongodb://u:p@a/?x=1": "mongodb://u:p@a/?x=1",
  };
  for (const [uri, bare] of Object.entries(cases)) assert.equal(withoutDatabase(uri), bare);
});
