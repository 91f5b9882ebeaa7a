import { EventBridgeClient, PutRuleCommand, PutTargetsCommand } from "@aws-sdk/client-eventbridge";
import { CreateQueueCommand, GetQueueAttributesCommand, ReceiveMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import type { DeployedStack } from "./deployed-stack.ts";

export type HeardEvent = Readonly<Record<string, unknown>>;

/** Everything that is put on the stack's bus from now on, in a queue that is read as often as it is asked for. */
export async function listening({ cloud }: DeployedStack): Promise<() => Promise<readonly HeardEvent[]>> {
  const client = { endpoint: cloud.endpoint, region: cloud.region, credentials: cloud.credentials };
  const [sqs, bridge] = [new SQSClient(client), new EventBridgeClient(client)];
  const { QueueUrl = "" } = await sqs.send(new CreateQueueCommand({ QueueName: "everything" }));
  const asked = await sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ["QueueArn"] }));
  const rule = { EventBusName: "core-backup-test" };
  await bridge.send(
    new PutRuleCommand({ ...rule, Name: "all", EventPattern: JSON.stringify({ source: ["core-backup"] }) }),
  );
  const Targets = [{ Id: "queue", Arn: asked.Attributes?.QueueArn ?? "" }];
  await bridge.send(new PutTargetsCommand({ ...rule, Rule: "all", Targets }));
  const heard: HeardEvent[] = [];
  return async () => {
    for (;;) {
      const { Messages = [] } = await sqs.send(new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10 }));
      heard.push(...Messages.map(({ Body = "{}" }) => JSON.parse(Body)));
      if (Messages.length === 0) return heard;
    }
  };
}
