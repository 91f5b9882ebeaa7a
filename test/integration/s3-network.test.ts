import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { CreateBucketCommand } from "@aws-sdk/client-s3";
import { measureAll } from "../../lib/bytes.ts";
import { s3Options } from "../../lib/config/s3-options.ts";
import { useProxies } from "../../lib/network/proxies.ts";
import { proxiesOf } from "../../lib/network/proxy-variables.ts";
import { createRedaction } from "../../lib/secrets/redaction.ts";
import { createSecretResolver } from "../../lib/secrets/resolver.ts";
import { openStorage } from "../../lib/storage/all.ts";
import { connect, createS3Client } from "../../lib/storage/s3/client.ts";
import type { Storage } from "../../lib/storage/storage.ts";
import { standBetween } from "../support/between.ts";
import { pattern, patternBytes, sha256 } from "../support/bytes.ts";
import { makeServerCertificate } from "../support/certificates.ts";
import { silentLog } from "../support/logs.ts";
import { noMinistack, noVersitygw, type S3Server, startMinistack, startVersitygw } from "../support/s3-server.ts";
import { temporaryFolder } from "../support/stores.ts";
import { noTinyproxy, startTinyproxy } from "../support/tinyproxy.ts";

const BUCKET = "backups";
const LARGE = 9 * 1024 * 1024;

/** The storage that a configuration describes, with these variables. */
async function opened(options: object, env: Record<string, string>): Promise<Storage> {
  const { signal } = new AbortController();
  useProxies(proxiesOf(env), false);
  const redaction = createRedaction();
  const secrets = createSecretResolver({ env, redaction, signal });
  const context = { secrets, redaction, log: silentLog, now: () => new Date(), signal };
  return openStorage("cloud", s3Options.parse({ type: "s3", bucket: BUCKET, ...options }), context);
}

const optionsFor = ({ endpoint }: S3Server) => ({
  endpoint,
  access_key_id_env: "KEY_ID",
  secret_access_key_env: "SECRET",
});

const envFor = ({ credentials }: S3Server) => ({
  KEY_ID: credentials.accessKeyId,
  SECRET: credentials.secretAccessKey,
});

async function makeBucket({ endpoint, region, credentials }: S3Server, caFile?: string): Promise<void> {
  const connection = connect({ caFile });
  const client = createS3Client({ endpoint, region, credentials, pathStyle: true, connection });
  await client.send(new CreateBucketCommand({ Bucket: BUCKET }));
  client.destroy();
}

async function roundTrip(storage: Storage): Promise<void> {
  await storage.prepare("job/");
  const key = "job/2026-11-26/030000Z/unit/a.bin";
  await storage.put(key, pattern(LARGE), { ifAbsent: true });
  assert.equal((await measureAll(await storage.get(key))).sha256, sha256(patternBytes(LARGE)));
  await storage.remove([key]);
}

describe("s3 through TLS and proxies", { skip: noVersitygw || noTinyproxy }, () => {
  test("an authority of one's own is trusted when ca_file names it, and the error says so when it does not", async () => {
    await using folder = await temporaryFolder();
    const certificate = await makeServerCertificate(folder.path);
    await using server = await startVersitygw({ certificate });
    await makeBucket(server, certificate.caFile);
    const strange = await opened(optionsFor(server), envFor(server));
    await assert.rejects(strange.prepare(), {
      name: "StorageError",
      message:
        /^storage cloud, bucket backups: trying to list: its certificate is not trusted; name its authority by ca_file/,
    });
    await roundTrip(await opened({ ...optionsFor(server), ca_file: certificate.caFile }, envFor(server)));
  });

  test("a proxy by the usual variables, but not for hosts of NO_PROXY", async (t) => {
    await using server = await startVersitygw();
    await makeBucket(server);
    const proxy = await startTinyproxy(t, "443");
    const HTTP_PROXY = `http://127.0.0.1:${proxy.port}`;
    await roundTrip(await opened(optionsFor(server), { ...envFor(server), HTTP_PROXY, NO_PROXY: "127.0.0.1" }));
    assert.ok(!(await proxy.lines()).some((line) => line.includes("Request")), "NO_PROXY was passed over");
    await roundTrip(await opened(optionsFor(server), { ...envFor(server), HTTP_PROXY }));
    assert.ok((await proxy.lines()).some((line) => /PUT http:\/\/127\.0\.0\.1:\d+\/backups/.test(line)));
  });

  test("a proxy with a password, by reference, for a server with TLS", async (t) => {
    await using folder = await temporaryFolder();
    const certificate = await makeServerCertificate(folder.path);
    await using server = await startVersitygw({ certificate });
    await makeBucket(server, certificate.caFile);
    const proxy = await startTinyproxy(t, new URL(server.endpoint).port, "canary");
    const options = { ...optionsFor(server), ca_file: certificate.caFile, proxy_env: "PROXY" };
    const wrong = await opened(options, { ...envFor(server), PROXY: `http://127.0.0.1:${proxy.port}` });
    await assert.rejects(wrong.prepare(), {
      code: "PROXY_REFUSED",
      message: `storage cloud, bucket backups: trying to list: the proxy 127.0.0.1:${proxy.port} wants other credentials (407)`,
    });
    await roundTrip(await opened(options, { ...envFor(server), PROXY: `http://user:canary@127.0.0.1:${proxy.port}` }));
    assert.ok((await proxy.lines()).some((line) => line.includes("CONNECT 127.0.0.1:")));
  });

  test("what a proxy refuses of a server without TLS is told as the proxy's, and what the server refuses is not", async (t) => {
    await using server = await startVersitygw();
    await makeBucket(server);
    const own = await startTinyproxy(t, undefined, "canary");
    const closed = await startTinyproxy(t, undefined, undefined, ['Filter "/dev/null"', "FilterDefaultDeny Yes"]);
    const options = { ...optionsFor(server), proxy_env: "OWN" };
    // In use for all the rest: nothing may be said of it.
    t.after(() => useProxies({}, false));
    const env = { ...envFor(server), HTTP_PROXY: "http://127.0.0.1:9" };
    const refusal = (port: number, why: string) => ({
      code: "PROXY_REFUSED",
      message: `storage cloud, bucket backups: trying to list: the proxy 127.0.0.1:${port} ${why}`,
    });
    const through = (OWN: string, more: Record<string, string> = {}) => opened(options, { ...env, OWN, ...more });
    const none = await through(`http://127.0.0.1:${own.port}`);
    await assert.rejects(none.prepare(), refusal(own.port, "wants other credentials (407)"));
    const wrong = await through(`http://user:other@127.0.0.1:${own.port}`);
    await assert.rejects(wrong.prepare(), refusal(own.port, "wants other credentials (401)"));
    const shut = await through(`http://127.0.0.1:${closed.port}`);
    await assert.rejects(shut.prepare(), refusal(closed.port, "does not let it through (403)"));
    const right = `http://user:canary@127.0.0.1:${own.port}`;
    const stranger = await through(right, { SECRET: "another" });
    await assert.rejects(stranger.prepare(), { code: "STORAGE_UNAUTHORIZED" });
    await assert.rejects(stranger.head("job/none"), { code: "STORAGE_UNAUTHORIZED" });
    await assert.rejects((await through(right)).get("job/none"), { name: "NotFoundError" });
    await roundTrip(await through(right));
  });
});

test("a role is assumed with the credentials that there are, and its session is what requests are signed with", {
  skip: noMinistack,
}, async (t) => {
  await using server = await startMinistack();
  await makeBucket(server);
  await using between = await standBetween(server.endpoint);
  process.env.AWS_ENDPOINT_URL_STS = server.endpoint;
  t.after(() => delete process.env.AWS_ENDPOINT_URL_STS);
  const tokens = new Set<string>();
  between.meddle = (_, headers) => {
    tokens.add(String(headers["x-amz-security-token"]));
    return undefined;
  };
  const options = {
    ...optionsFor(server),
    endpoint: between.endpoint,
    role_arn: "arn:aws:iam::000000000000:role/backup",
  };
  await roundTrip(await opened({ ...options, external_id: "canary" }, envFor(server)));
  assert.equal(tokens.size, 1);
  assert.ok(!tokens.has("undefined"));
});

test("a role that may not be assumed is named, with the right that it takes, and not one of the bucket", async (t) => {
  await using between = await standBetween("http://127.0.0.1:9");
  between.meddle = () => ({
    do: "answer",
    status: 403,
    headers: { "content-type": "text/xml" },
    body: "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>",
  });
  process.env.AWS_ENDPOINT_URL_STS = between.endpoint;
  t.after(() => delete process.env.AWS_ENDPOINT_URL_STS);
  const credentials = { access_key_id_env: "KEY_ID", secret_access_key_env: "SECRET" };
  const role_arn = "arn:aws:iam::000000000000:role/backup";
  const storage = await opened(
    { ...credentials, endpoint: "http://127.0.0.1:9", role_arn },
    { KEY_ID: "AKIA", SECRET: "secret" },
  );
  await assert.rejects(storage.prepare(), {
    code: "STORAGE_FORBIDDEN",
    message:
      /^storage cloud, bucket backups: assuming arn:aws:iam::000000000000:role\/backup: .*it takes sts:AssumeRole of that role/,
  });
});
