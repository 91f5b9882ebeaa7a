import type { NotifierOptions } from "../config/notifier-options.ts";
import type { Notifier, NotifierContext } from "./notifier.ts";

/** Loads what a type needs when it is needed: most runs tell nobody by mail. @throws ConfigError | TransientError */
export async function openNotifier(options: NotifierOptions, context: NotifierContext): Promise<Notifier> {
  switch (options.type) {
    case "slack":
      return (await import("./slack.ts")).slackNotifier(options, context);
    case "email":
      return (await import("./email.ts")).emailNotifier(options, context);
    case "pagerduty":
      return (await import("./pagerduty.ts")).pagerDutyNotifier(options, context);
    case "sns":
      return (await import("./sns.ts")).snsNotifier(options);
    case "webhook":
      return (await import("./webhook.ts")).webhookNotifier(options, context);
  }
}
