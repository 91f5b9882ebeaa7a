import type { SlackOptions } from "../config/notifier-options.ts";
import { secretOf } from "../config/secret-fields.ts";
import type { Notifier, NotifierContext } from "./notifier.ts";
import { checkServer, post } from "./post.ts";
import { requiredSecret } from "./required-secret.ts";
import { slackMessage } from "./slack-blocks.ts";

/** An incoming webhook. https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks */
export async function slackNotifier(options: SlackOptions, { secrets }: NotifierContext): Promise<Notifier> {
  const url = await requiredSecret(secrets, secretOf(options, "webhook"), "webhook");
  return {
    takesOver: true,
    check: (signal) => checkServer(url, signal),
    begin: async () => {},
    send: (report, signal) => post({ url, body: JSON.stringify(slackMessage(report)) }, signal),
  };
}
