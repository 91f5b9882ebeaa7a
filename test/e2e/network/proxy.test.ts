import assert from "node:assert/strict";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { CreateBucketCommand, GetObjectCommand, ListObjectsV2Command } from "@aws-sdk/client-s3";
import { connect, createS3Client } from "../../../lib/storage/s3/client.ts";
import { makeServerCertificate } from "../../support/certificates.ts";
import { aGitFolder, aRepository } from "../../support/git-repository.ts";
import { startGitServer } from "../../support/git-server.ts";
import { addRepository } from "../../support/github-organization.ts";
import { startGithub } from "../../support/github-server.ts";
import { noMailServer, startMailServer } from "../../support/mail-server.ts";
import { type Answer, type Recorded, startRecordingServer } from "../../support/recording-server.ts";
import { noVersitygw, type S3Access, startVersitygw } from "../../support/s3-server.ts";
import { noSquid, startSquid } from "../../support/squid.ts";
import { noTinyproxy, startTinyproxy } from "../../support/tinyproxy.ts";
import { configured, coreBackup, temporaryFolder } from "../core-backup.ts";

const PASSWORD = "canary4711proxy";

/** What a test's server is asked for, and what it says. */
async function recording(t: TestContext, answer: (call: Recorded) => Answer = () => ({ status: 200, body: "{}" })) {
  const server = await startRecordingServer(answer);
  t.after(() => server.stop());
  return server;
}

const portOf = (url: string): string => new URL(url).port;

async function everyKindOfClient(t: TestContext) {
  const folder = await temporaryFolder(t);
  const certificate = await makeServerCertificate(folder);
  const sources = await aGitFolder();
  const git = await startGitServer(sources.path);
  await aRepository(sources.path, { name: "plain.git" });
  const github = await startGithub(sources.path);
  await addRepository(github, "app", { id: 42, root: sources.path });
  const s3 = await startVersitygw();
  const mail = await startMailServer({ folder, certificate, tls: "starttls" });
  for (const one of [sources, git, github, s3, mail]) t.after(() => one[Symbol.asyncDispose]());
  const { endpoint, region, credentials } = s3;
  const client = createS3Client({ endpoint, region, credentials, pathStyle: true, connection: connect({}) });
  await client.send(new CreateBucketCommand({ Bucket: "backups" }));
  client.destroy();
  const secret = (call: Recorded): Answer => ({
    status: 200,
    body: JSON.stringify(
      call.path.startsWith("/v1/")
        ? { data: { data: { token: "canary-token" }, metadata: { deletion_time: "", destroyed: false, version: 1 } } }
        : { Name: "webhook", SecretString: `${slack.url}/hook`, ARN: "arn" },
    ),
  });
  const slack = await recording(t, () => ({ status: 200, body: "ok" }));
  const sns = await recording(t, () => ({
    status: 200,
    body: "<PublishResponse><PublishResult><MessageId>1</MessageId></PublishResult></PublishResponse>",
  }));
  const pushgateway = await recording(t, ({ path }) => ({ status: 200, body: path === "/metrics" ? "" : "{}" }));
  const [webhook, otlp, engine, aside] = await Promise.all([1, 2, 3, 4].map(() => recording(t)));
  const [vault, aws] = [await recording(t, secret), await recording(t, secret)];
  assert.ok(webhook && otlp && engine && aside);
  const file = await configured(
    folder,
    `proxy:
  url_env: THE_PROXY
  no_proxy: [localhost]
jobs:
  - name: plain
    service: git
    target_storage: cloud
    hooks: { after: [sh, -c, 'env > "${folder}/environment"; ps -eww -o args > "${folder}/processes"'] }
    options: { repositories: ["${git.url}/plain.git"] }
  - name: organization
    service: github
    target_storage: cloud
    options:
      api_url: ${github.apiUrl}
      web_url: ${github.webUrl}
      repositories: [my-org/app]
      include: [git]
      token_vault: secret/github#token
  - name: volumes
    service: docker_volume
    target_storage: here
    options: { volumes: [data], host: "tcp://127.0.0.1:${portOf(engine.url)}" }
storage:
  here: { type: filesystem, base_path: ${folder}/here }
  cloud: { type: s3, bucket: backups, endpoint: "${s3.endpoint}", access_key_id_env: KEY_ID, secret_access_key_env: KEY }
notifications:
  slack: { on: [success, failure], webhook_secret: webhook }
  hook: { type: webhook, on: [success, failure], url_env: HOOK }
  aside: { type: webhook, on: [success, failure], url_env: ASIDE }
  sns: { on: [success, failure], topic_arn: "arn:aws:sns:us-east-1:123456789012:backups", endpoint: "${sns.url}" }
  email:
    on: [success, failure]
    host: 127.0.0.1
    port: ${mail.port}
    ca_file: ${certificate.caFile}
    from: backups@example.com
    to: [ops@example.com]
    username: ${mail.username}
    password_env: MAIL
metrics:
  pushgateway: { url: "${pushgateway.url}" }
secrets:
  vault: { address: "${vault.url}", auth: { type: token } }
`,
  );
  const env = {
    KEY_ID: credentials.accessKeyId,
    KEY: credentials.secretAccessKey,
    HOOK: `${webhook.url}/hook`,
    ASIDE: `http://localhost:${portOf(aside.url)}/hook`,
    MAIL: mail.password,
    VAULT_TOKEN: "canary-vault",
    AWS_ENDPOINT_URL_SECRETS_MANAGER: aws.url,
    AWS_REGION: "us-east-1",
    AWS_ACCESS_KEY_ID: "id",
    AWS_SECRET_ACCESS_KEY: "canary-aws",
    OTEL_EXPORTER_OTLP_ENDPOINT: otlp.url,
  };
  const hosts = {
    "git over http": git.url,
    "GitHub's API and git": github.apiUrl,
    S3: s3.endpoint,
    Slack: slack.url,
    "a webhook": webhook.url,
    SNS: sns.url,
    "a Pushgateway": pushgateway.url,
    "OpenTelemetry's collector": otlp.url,
    Vault: vault.url,
    "AWS's Secrets Manager": aws.url,
    "a mail server": `http://127.0.0.1:${mail.port}`,
    "a Docker Engine over TCP": engine.url,
  };
  return { folder, file, env, hosts, aside, mail, s3 };
}

/** All that lies in the bucket. */
async function objects({ endpoint, region, credentials }: S3Access) {
  const client = createS3Client({ endpoint, region, credentials, pathStyle: true, connection: connect({}) });
  const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket: "backups" }));
  const found: { key: string; bytes: Buffer }[] = [];
  for (const { Key: key = "" } of Contents) {
    const { Body } = await client.send(new GetObjectCommand({ Bucket: "backups", Key: key }));
    found.push({ key, bytes: Buffer.from((await Body?.transformToByteArray()) ?? []) });
  }
  client.destroy();
  return found;
}

/** The files below a folder that hold this text. */
async function filesWith(folder: string, text: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const holding = await Promise.all(files.map(async (file) => (await readFile(file)).includes(text)));
  return files.filter((_, index) => holding[index]);
}

describe("every kind of client goes through the proxy", {
  skip: noTinyproxy || noSquid || noVersitygw || noMailServer,
}, () => {
  test("that the configuration names, with its password, but for no_proxy; and nobody is shown the password", async (t) => {
    const { folder, file, env, hosts, aside, mail, s3 } = await everyKindOfClient(t);
    const proxy = await startTinyproxy(t, undefined, PASSWORD);
    const ended = await coreBackup(["run", "--config", file, "--verbose", "--json"], {
      env: { ...env, THE_PROXY: `http://user:${PASSWORD}@127.0.0.1:${proxy.port}` },
    });
    const lines = await proxy.lines();
    for (const [what, url] of Object.entries(hosts)) {
      const at = new RegExp(`(CONNECT |http://)127\\.0\\.0\\.1:${portOf(url)}\\b`);
      assert.ok(
        lines.some((line) => at.test(line)),
        `${what} (${url}) was not asked through the proxy\n${ended.stderr}`,
      );
    }
    assert.ok(aside.calls.length > 0, "the host of no_proxy was not asked at all");
    assert.ok(!lines.some((line) => line.includes("localhost:")), "no_proxy was passed over");
    assert.equal((await mail.mails()).length, 1);
    assert.ok(!`${ended.stdout}${ended.stderr}`.includes(PASSWORD), "the password was shown");
    const environment = await readFile(join(folder, "environment"), "utf8");
    for (const name of ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"])
      assert.match(environment, new RegExp(`^${name}=http://127\\.0\\.0\\.1:${proxy.port}$`, "m"));
    assert.ok(!environment.includes(PASSWORD), "a hook that does not name it was told the password");
    assert.match(environment, /^no_proxy=localhost,/m);
    assert.match(await readFile(join(folder, "processes"), "utf8"), /core-backup\.yml/);
    assert.deepEqual(await filesWith(folder, PASSWORD), [], "the password was written");
    const stored = await objects(s3);
    assert.ok(stored.some(({ key }) => key.endsWith("/manifest.json")));
    assert.deepEqual(
      stored.filter(({ bytes }) => bytes.includes(PASSWORD)).map(({ key }) => key),
      [],
      "the password was stored",
    );
  });

  test("that the usual variables name, in either case, but for NO_PROXY", async (t) => {
    const { folder, file, env, hosts } = await everyKindOfClient(t);
    const text = await readFile(file, "utf8");
    await configured(folder, text.slice(text.indexOf("jobs:")));
    const proxy = await startTinyproxy(t);
    const all = `http://127.0.0.1:${proxy.port}`;
    const bare = { ...env, http_proxy: "", https_proxy: "" };
    const run = ["run", "--config", file, "--job", "plain"];
    await coreBackup(run, { env: { ...bare, ALL_PROXY: all, NO_PROXY: "127.0.0.1,localhost" } });
    const before = (await proxy.lines()).filter((line) => line.includes("127.0.0.1:"));
    assert.deepEqual(
      before.filter((line) => line.includes("Request")),
      [],
      "NO_PROXY was passed over",
    );
    await coreBackup(run, { env: { ...bare, ALL_PROXY: all, no_proxy: "localhost" } });
    const lines = await proxy.lines();
    for (const what of ["git over http", "S3", "a webhook", "a mail server"] as const)
      assert.ok(
        lines.some((line) => line.includes(`127.0.0.1:${portOf(hosts[what])}`)),
        `${what} passed the proxy by`,
      );
  });

  test("that egress lists as well: S3 and a webhook are reached by it, and where it wants another password nobody is shown ours", async (t) => {
    const folder = await temporaryFolder(t);
    await using s3 = await startVersitygw();
    const { endpoint, region, credentials } = s3;
    const client = createS3Client({ endpoint, region, credentials, pathStyle: true, connection: connect({}) });
    await client.send(new CreateBucketCommand({ Bucket: "backups" }));
    client.destroy();
    const webhook = await recording(t);
    const proxy = await startTinyproxy(t, undefined, PASSWORD);
    await mkdir(join(folder, "source"));
    await writeFile(join(folder, "source", "a"), "a");
    const file = await configured(
      folder,
      `proxy: { url_env: THE_PROXY }
egress: { allow: ["127.0.0.1:${proxy.port}", "${new URL(endpoint).host}", "${new URL(webhook.url).host}"] }
jobs: [{ name: docs, service: filesystem, options: { paths: ["${folder}/source"] } }]
storage:
  cloud: { type: s3, bucket: backups, endpoint: "${endpoint}", access_key_id_env: KEY_ID, secret_access_key_env: KEY }
notifications: { hook: { type: webhook, on: [success, failure], url_env: HOOK } }
`,
    );
    const run = (password: string) =>
      coreBackup(["run", "--config", file, "--verbose"], {
        env: {
          KEY_ID: credentials.accessKeyId,
          KEY: credentials.secretAccessKey,
          HOOK: `${webhook.url}/hook`,
          THE_PROXY: `http://user:${password}@127.0.0.1:${proxy.port}`,
        },
      });
    const good = await run(PASSWORD);
    assert.equal(good.code, 0, good.stderr);
    const lines = await proxy.lines();
    for (const url of [endpoint, webhook.url])
      assert.ok(
        lines.some((line) => line.includes(`127.0.0.1:${portOf(url)}`)),
        `${url} was not asked through the proxy`,
      );
    assert.ok(webhook.calls.length > 0);
    const refused = await run("canary-of-another");
    assert.equal(refused.code, 2);
    assert.doesNotMatch(`${refused.stdout}${refused.stderr}`, /canary-of-another/);
    // tinyproxy itself says 401 for plain http, others 407.
    assert.match(refused.stderr, new RegExp(`127\\.0\\.0\\.1:${proxy.port}.*40[17]`));
  });

  test("whose password is wrong: that is told with the proxy's address, once, and the exit code is 2", async (t) => {
    const folder = await temporaryFolder(t);
    await using squid = await startSquid(PASSWORD, ["s3.proxied.test"]);
    await mkdir(join(folder, "source"));
    const file = await configured(
      folder,
      `proxy: { url_env: THE_PROXY }
jobs: [{ name: docs, service: filesystem, options: { paths: ["${folder}/source"] } }]
storage:
  cloud: { type: s3, bucket: backups, endpoint: "https://s3.proxied.test", access_key_id_env: KEY_ID, secret_access_key_env: KEY }
`,
    );
    const env = { KEY_ID: "id", KEY: "canary-key", THE_PROXY: `http://user:canary-of-another@127.0.0.1:${squid.port}` };
    const refused = await coreBackup(["run", "--config", file, "--verbose"], { env });
    assert.equal(refused.code, 2, refused.stderr);
    assert.match(
      refused.stderr,
      new RegExp(`the proxy 127\\.0\\.0\\.1:${squid.port} wants other credentials \\(407\\).*PROXY_REFUSED`),
    );
    assert.doesNotMatch(`${refused.stdout}${refused.stderr}`, /canary-of-another|is tried again/);
  });

  test("but MongoDB, which cannot: that is refused unless no_proxy says that it is meant", async (t) => {
    const folder = await temporaryFolder(t);
    const env = { MONGO: "mongodb://127.0.0.1:9/?serverSelectionTimeoutMS=50" };
    const mongo = (noProxy: string) =>
      configured(
        folder,
        `proxy: { url: "http://127.0.0.1:9", no_proxy: [${noProxy}] }
jobs:
  - { name: shop, service: mongodb, options: { uri_env: MONGO } }
storage: { here: { type: filesystem, base_path: ${folder}/here } }
`,
      );
    const refused = await coreBackup(["plan", "--config", await mongo("")], { env });
    assert.equal(refused.code, 2);
    assert.match(
      refused.stderr,
      /uri: MongoDB cannot be reached through an HTTP proxy, .* list 127\.0\.0\.1 in proxy\.no_proxy/,
    );
    const direct = await coreBackup(["plan", "--config", await mongo("127.0.0.1")], { env });
    assert.match(direct.stderr, /ECONNREFUSED/);
  });
});
