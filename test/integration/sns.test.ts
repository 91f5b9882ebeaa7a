import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { CreateTopicCommand, SNSClient, SubscribeCommand } from "@aws-sdk/client-sns";
import { NotifierError } from "../../lib/errors.ts";
import { notifierContract } from "../contract/notifier.ts";
import { aReport } from "../support/a-report.ts";
import { openedNotifier } from "../support/opened-notifier.ts";
import { noMinistack, type S3Server, startMinistack } from "../support/s3-server.ts";
import { startSilentServer } from "../support/silent-server.ts";

const REGION = "us-east-1";
const ARN = `arn:aws:sns:${REGION}:000000000000:backups`;
// The SDK finds them where it would on a desk.
Object.assign(process.env, {
  AWS_ACCESS_KEY_ID: "test",
  AWS_SECRET_ACCESS_KEY: "test",
  AWS_EC2_METADATA_DISABLED: "true",
});

const optionsFor = (endpoint: string, topic_arn = ARN) => ({ type: "sns", topic_arn, endpoint });

/** A queue of the same server that gets what the topic is told. */
async function subscribed(server: S3Server): Promise<string> {
  const queue = await sqs(server, { Action: "CreateQueue", QueueName: "heard" });
  const url = /<QueueUrl>(.*?)<\/QueueUrl>/.exec(queue)?.[1];
  assert.ok(url !== undefined, queue);
  const client = new SNSClient({ region: REGION, endpoint: server.endpoint, credentials: server.credentials });
  const { TopicArn } = await client.send(new CreateTopicCommand({ Name: "backups" }));
  assert.equal(TopicArn, ARN);
  const Endpoint = `arn:aws:sqs:${REGION}:000000000000:heard`;
  await client.send(new SubscribeCommand({ TopicArn, Protocol: "sqs", Endpoint }));
  client.destroy();
  return url;
}

async function heard(server: S3Server, url: string): Promise<readonly string[]> {
  const text = await sqs(server, {
    Action: "ReceiveMessage",
    QueueUrl: url,
    MaxNumberOfMessages: "10",
    VisibilityTimeout: "0",
  });
  return [...text.matchAll(/<Body>([\s\S]*?)<\/Body>/g)].map(([, body = ""]) => {
    const { Subject, Message }: { Subject: string; Message: string } = JSON.parse(unescaped(body));
    return `${Subject}\n${Message}`;
  });
}

/** The plain protocol of SQS, which MiniStack tells from others by who is asked for. */
async function sqs(server: S3Server, fields: Readonly<Record<string, string>>): Promise<string> {
  const scope = `Credential=test/20261126/${REGION}/sqs/aws4_request, SignedHeaders=host, Signature=0`;
  const response = await fetch(server.endpoint, {
    method: "POST",
    headers: { authorization: `AWS4-HMAC-SHA256 ${scope}`, "content-type": "application/x-www-form-urlencoded" },
    body: new URLSearchParams({ Version: "2012-11-05", ...fields }).toString(),
  });
  return response.text();
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&quot;": '"',
  "&#34;": '"',
  "&apos;": "'",
  "&#39;": "'",
  "&lt;": "<",
  "&gt;": ">",
  "&amp;": "&",
};
const unescaped = (xml: string): string =>
  xml.replace(/&(?:quot|#34|apos|#39|lt|gt|amp);/g, (one) => ENTITIES[one] ?? one);

describe("over MiniStack", { skip: noMinistack }, () => {
  notifierContract("sns", {
    tellsGood: true,
    async make() {
      const server = await startMinistack();
      const url = await subscribed(server);
      return {
        options: optionsFor(server.endpoint),
        env: {},
        received: () => heard(server, url),
        markup: async () => [],
        stop: () => server.kill(),
        [Symbol.asyncDispose]: async () => server[Symbol.asyncDispose](),
      };
    },
    async silent() {
      const server = await startSilentServer();
      return { ...server, options: optionsFor(`http://127.0.0.1:${server.port}`), env: {} };
    },
  });

  test("a topic that there is not is refused, and not tried again", async () => {
    await using server = await startMinistack();
    const { notifier } = await openedNotifier(optionsFor(server.endpoint, `${ARN}-not`), {});
    const never = new AbortController().signal;
    for (const work of [notifier.check(never), notifier.send(aReport(), never)])
      await assert.rejects(work, NotifierError);
  });
});
