import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { CreateBucketCommand } from "@aws-sdk/client-s3";
import { eachLimited } from "../../../lib/pool.ts";
import { connect, createS3Client } from "../../../lib/storage/s3/client.ts";
import { standBetween } from "../../support/between.ts";
import { makeServerCertificate } from "../../support/certificates.ts";
import { aKeyring, gpgMissing } from "../../support/gpg-program.ts";
import { noMailServer, startMailServer } from "../../support/mail-server.ts";
import { pagerDuty } from "../../support/pagerduty-server.ts";
import { type Answer, type Recorded, startRecordingServer } from "../../support/recording-server.ts";
import { noVersitygw, startVersitygw } from "../../support/s3-server.ts";
import { slackAnswer } from "../../support/slack-server.ts";
import { noTinyproxy, startTinyproxy } from "../../support/tinyproxy.ts";
import { watched } from "./watched.ts";

const CANARIES = {
  session: "canary-session-4731",
  passphrase: "canary-gpg-passphrase-4732",
  names: "canary-names-key-4733-with-32-characters",
  proxy: "canary-proxy-4734",
  slack: "canary-slack-4735",
  webhook: "canary-webhook-4736",
  query: "canary-webhook-query-4744",
  signature: "canary-signature-4737",
  routing: "canary-routing-4738-------------",
  aws: "canary-aws-secret-4739",
  awsSession: "canary-aws-session-4740",
  wrong: "canary-wrong-4741-a-secret-that-nobody-takes",
  wrongSlack: "canary-wrong-slack-4742",
  wrongRouting: "canary-wrong-routing-4743-------",
};
/** Every program of the command line at once would only wait for the processor. */
const AT_ONCE = 3;

const without = noVersitygw || noMailServer || noTinyproxy || gpgMissing();

test("no secret of a bucket, a key, a proxy or a notifier is ever seen, nor told to another", {
  skip: without,
}, async (t) => {
  const server = await startVersitygw();
  const between = await standBetween(server.endpoint);
  const ring = aKeyring();
  const key = ring.make("one", { passphrase: CANARIES.passphrase });
  const folder = await watched(
    () => [...Object.values(CANARIES), server.credentials.secretAccessKey, mail.password],
    {},
  );
  const at = (name: string) => join(folder.path, name);
  const certificate = await makeServerCertificate(at("tls"));
  const mail = await startMailServer({ folder: at("tls"), certificate, tls: "starttls" });
  const proxy = await startTinyproxy(t, undefined, CANARIES.proxy);
  /** Who is told says all that it was told, and refuses it. */
  const echo = { on: false };
  const repeated = (call: Recorded): Answer => ({ status: 400, body: `no: ${JSON.stringify(call)}` });
  const told = async (answer: (call: Recorded) => Answer) =>
    startRecordingServer((call) => (echo.on ? repeated(call) : answer(call)));
  const slack = await told(slackAnswer(`/${CANARIES.slack}`));
  const pager = await told(pagerDuty(CANARIES.routing).answer);
  const webhook = await told(() => ({ status: 200 }));
  const aws = await startRecordingServer(repeated);
  for (const one of [aws, webhook, pager, slack, mail, between, server, folder])
    t.after(() => one[Symbol.asyncDispose]());
  t.after(() => ring[Symbol.dispose]());

  const client = createS3Client({ ...server, pathStyle: true, connection: connect({}) });
  await client.send(new CreateBucketCommand({ Bucket: "canary" }));
  client.destroy();
  await mkdir(at("docs"));
  await writeFile(at("docs/a.txt"), "nothing secret");
  await writeFile(at("keys.asc"), key.publicKey);

  const config = `proxy: { url_env: THE_PROXY }
jobs:
  - name: docs
    service: filesystem
    deadline: 1h
    encryption:
      type: gpg
      public_keys_file: keys.asc
      private_key_env: PRIVATE
      private_key_passphrase_env: PASSPHRASE
      encrypt_manifest: true
      names_key_env: NAMES
    options: { paths: "${at("docs")}" }
storage:
  cloud:
    type: s3
    bucket: canary
    endpoint: ${between.endpoint}
    access_key_id_env: KEY_ID
    secret_access_key_env: SECRET
notifications:
  slack: { webhook_env: SLACK, on: [success, failure, recovered], timeout: 60s }
  pagerduty: { routing_key_env: ROUTING, url: "${pager.url}/v2/enqueue", on: [failure, missed], timeout: 60s }
  hook: { type: webhook, url_env: HOOK, key_env: SIGNATURE, on: [success, failure, recovered], timeout: 60s }
  email:
    host: localhost
    port: ${mail.port}
    from: backups@example.com
    to: [ops@example.com]
    username: ${mail.username}
    password_env: MAIL
    ca_file: ${certificate.caFile}
    on: [success, failure, recovered]
    timeout: 60s
`;
  const env = {
    KEY_ID: server.credentials.accessKeyId,
    SECRET: server.credentials.secretAccessKey,
    SESSION: CANARIES.session,
    PRIVATE: key.privateKey,
    PASSPHRASE: CANARIES.passphrase,
    NAMES: CANARIES.names,
    THE_PROXY: `http://user:${CANARIES.proxy}@127.0.0.1:${proxy.port}`,
    SLACK: `${slack.url}/${CANARIES.slack}`,
    ROUTING: CANARIES.routing,
    HOOK: `${webhook.url}/${CANARIES.webhook}?token=${CANARIES.query}`,
    SIGNATURE: CANARIES.signature,
    MAIL: mail.password,
    // For the commands about a deployment, which answers everything with what it was asked.
    AWS_ENDPOINT_URL: aws.url,
    AWS_ACCESS_KEY_ID: "AKIDEXAMPLE",
    AWS_SECRET_ACCESS_KEY: CANARIES.aws,
    AWS_SESSION_TOKEN: CANARIES.awsSession,
    AWS_REGION: "us-east-1",
  };
  const FORMS = [["--verbose"], ["--json", "--verbose", "--log", "json"]];
  const withSession = config.replace("secret_access_key_env: SECRET", "$&\n    session_token_env: SESSION");

  const impatient = config.replaceAll("timeout: 60s", "timeout: 2s");

  async function asked(
    code: number,
    args: readonly string[],
    { changes = {}, yaml = config }: { changes?: Readonly<Record<string, string>>; yaml?: string } = {},
  ) {
    const what = `${args.join(" ")} with ${Object.keys(changes).join(", ") || "all as it is"}`;
    const ended = await folder.core(yaml === config ? "stored" : "session", yaml, args, { ...env, ...changes });
    assert.equal(ended.code, code, `${what}: ${JSON.stringify(ended)}`);
    folder.assertUnsaid(ended, what);
  }

  await t.test("a run that is good", async () => {
    for (const form of FORMS) await asked(0, ["run", ...form]);
    await folder.assertLeftNowhere("a good run");
  });

  await t.test("every command", async () => {
    const commands = [
      [0, "plan"],
      [0, "list"],
      [0, "show", "--job", "docs"],
      [0, "verify", "--prove"],
      [0, "prune", "--dry-run"],
      [0, "watch", "--dry-run"],
      [0, "report", "--html", "restored/page.html"],
      [0, "notify", "--test"],
      [1, "status"],
      [1, "start", "--job", "docs"],
      [1, "stop", "--job", "docs"],
    ] as const;
    await mkdir(at("restored"));
    const once = [
      ["restore", "--job", "docs", "--to", "restored/docs", "--verbose"],
      ["schema", "--verbose"],
      ["completion", "bash", "--verbose"],
    ];
    await eachLimited(
      [
        ...commands.flatMap(([code, ...args]) => FORMS.map((form) => [code, [...args, ...form]] as const)),
        ...once.map((args) => [0, args] as const),
      ],
      AT_ONCE,
      ([code, args]) => asked(code, args),
    );
    await folder.assertLeftNowhere("every command");
    assert.ok(aws.calls.some(({ headers }) => headers["x-amz-security-token"] === CANARIES.awsSession));
  });

  await t.test("whoever is told refuses it and repeats it", async () => {
    echo.on = true;
    await asked(1, ["notify", "--test", "--verbose"]);
    for (const form of FORMS) await asked(0, ["run", ...form]);
    echo.on = false;
    await folder.assertLeftNowhere("notifiers that repeat");
  });

  await t.test("the store refuses, and repeats what it was sent", async () => {
    between.meddle = (call, headers) => ({
      do: "answer",
      status: 403,
      headers: { "content-type": "application/xml", "x-amz-request-id": headers["x-amz-security-token"] },
      body: `<Error><Code>AccessDenied</Code><Message>${call} ${Object.values(headers).join(" ")} may not</Message></Error>`,
    });
    for (const form of FORMS) await asked(2, ["run", ...form], { yaml: withSession });
    between.meddle = () => undefined;
    // This server takes no session tokens.
    await asked(2, ["list", "--verbose"], { yaml: withSession });
    await folder.assertLeftNowhere("a store that repeats");
  });

  await t.test("each secret is wrong", async (t) => {
    const noKey = `-----BEGIN PGP PRIVATE KEY BLOCK-----\n\n${CANARIES.wrong}\n-----END PGP PRIVATE KEY BLOCK-----\n`;
    const wrong = [
      [2, { SECRET: CANARIES.wrong }],
      [2, { NAMES: CANARIES.wrong }],
      [2, { PASSPHRASE: CANARIES.wrong }],
      [2, { PRIVATE: noKey }],
      [2, { THE_PROXY: `http://user:${CANARIES.wrong}@127.0.0.1:${proxy.port}` }],
      [0, { MAIL: CANARIES.wrong, ROUTING: CANARIES.wrongRouting, SLACK: `${slack.url}/${CANARIES.wrongSlack}` }],
    ] as const;
    // One after the other: of two at once one would only find the job's lease held, and its secret would not be tried.
    for (const [code, changes] of wrong)
      await t.test(Object.keys(changes).join(", "), () =>
        asked(code, ["run", ...(FORMS[1] ?? [])], { changes, yaml: impatient }),
      );
    await folder.assertLeftNowhere("wrong secrets");
  });

  await t.test("each notifier was told, and none of them another's secret", async () => {
    const mails = await mail.mails();
    for (const [name, bodies, own] of [
      ["Slack", slack.calls, [CANARIES.slack, CANARIES.wrongSlack]],
      ["PagerDuty", pager.calls, [CANARIES.routing, CANARIES.wrongRouting]],
      ["the webhook", webhook.calls, [CANARIES.webhook, CANARIES.query]],
      ["the mail", mails, []],
    ] as const) {
      assert.ok(bodies.length > 0, `${name} was told nothing`);
      const all = bodies.map((one) => JSON.stringify(one)).join("\n");
      folder.assertUnseen(
        own.reduce((text, secret) => text.replaceAll(secret, ""), all),
        `what ${name} was told`,
      );
    }
    assert.ok((await proxy.lines()).some((line) => line.includes("CONNECT") || line.includes("http://")));
    for (const gpg of [/^started: gpg .*--decrypt/m, /^\/.*\/gpg .*--decrypt/m]) assert.match(await folder.seen(), gpg);
  });
});
