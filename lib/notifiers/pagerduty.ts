import type { PagerDutyOptions } from "../config/notifier-options.ts";
import { secretOf } from "../config/secret-fields.ts";
import type { Report } from "../notify/report.ts";
import type { Notifier, NotifierContext } from "./notifier.ts";
import { pagerDutyEvents } from "./pagerduty-events.ts";
import { checkServer, post } from "./post.ts";
import { requiredSecret } from "./required-secret.ts";

/** An incident a job. https://developer.pagerduty.com/docs/events-api-v2-overview */
export async function pagerDutyNotifier(options: PagerDutyOptions, { secrets }: NotifierContext): Promise<Notifier> {
  const { url, dedup_prefix } = options;
  const routingKey = await requiredSecret(secrets, secretOf(options, "routing_key"), "routing_key");
  // Sending again after a failure half-way goes on where it was: an event that was taken is not sent twice.
  const sent = new WeakMap<Report, number>();
  return {
    takesOver: true,
    check: (signal) => checkServer(url, signal),
    begin: async () => {},
    async send(report, signal) {
      const events = pagerDutyEvents(report, { routingKey, prefix: dedup_prefix });
      for (const [index, event] of events.entries()) {
        if (index < (sent.get(report) ?? 0)) continue;
        await post({ url, body: JSON.stringify(event) }, signal);
        sent.set(report, index + 1);
      }
    },
  };
}
