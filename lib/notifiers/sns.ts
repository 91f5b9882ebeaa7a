import { GetTopicAttributesCommand, PublishCommand, SNSClient } from "@aws-sdk/client-sns";
import type { SnsOptions } from "../config/notifier-options.ts";
import { networkAgents } from "../network/agents.ts";
import type { Report } from "../notify/report.ts";
import { subject } from "./lines.ts";
import type { Notifier } from "./notifier.ts";
import { isNoRightToLook, snsFault } from "./sns-fault.ts";
import { reportText } from "./text.ts";

/** https://docs.aws.amazon.com/sns/latest/api/API_Publish.html */
const MAX_MESSAGE_BYTES = 256 * 1024;
const MAX_SUBJECT = 100;
const REST_IS_CUT = "\n… the rest is cut off\n";

/** A topic. Who asks is found by the SDK's usual chain: variables, profile, the role of a function or task. */
export function snsNotifier({ topic_arn: TopicArn, endpoint }: SnsOptions): Notifier {
  async function withClient(signal: AbortSignal, work: (client: SNSClient) => Promise<unknown>): Promise<void> {
    signal.throwIfAborted();
    const region = TopicArn.split(":")[3] ?? "";
    const client = new SNSClient({
      region,
      requestHandler: networkAgents(),
      maxAttempts: 1,
      ...(endpoint === undefined ? {} : { endpoint }),
    });
    try {
      await work(client);
    } catch (error) {
      signal.throwIfAborted();
      throw snsFault(error, TopicArn);
    } finally {
      client.destroy();
    }
  }

  return {
    takesOver: true,
    check: (abortSignal) =>
      withClient(abortSignal, async (client) => {
        try {
          await client.send(new GetTopicAttributesCommand({ TopicArn }), { abortSignal });
        } catch (error) {
          // The right to publish is enough, and it is not the right to look.
          if (!isNoRightToLook(error)) throw error;
        }
      }),
    begin: async () => {},
    send: (report, abortSignal) =>
      withClient(abortSignal, (client) =>
        client.send(new PublishCommand({ TopicArn, ...messageOf(report) }), { abortSignal }),
      ),
  };
}

function messageOf(report: Report): { readonly Subject: string; readonly Message: string } {
  // One line of ASCII, as mails have it.
  const Subject = subject(report)
    .replace(/[^\x20-\x7e]/g, "?")
    .slice(0, MAX_SUBJECT);
  const text = Buffer.from(reportText(report));
  if (text.byteLength <= MAX_MESSAGE_BYTES) return { Subject, Message: text.toString() };
  const room = text.subarray(0, MAX_MESSAGE_BYTES - Buffer.byteLength(REST_IS_CUT)).toString();
  return { Subject, Message: room.slice(0, room.lastIndexOf("\n")) + REST_IS_CUT };
}
