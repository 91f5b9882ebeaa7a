import type { PagerDutyOptions } from "../config/notifier-options.ts";
import { secretOf } from "../config/secret-fields.ts";
import { TransientError } from "../errors.ts";
import type { JobReport, Report } from "../notify/report.ts";
import { eachLimited } from "../pool.ts";
import type { Notifier, NotifierContext } from "./notifier.ts";
import { pagerDutyEvents } from "./pagerduty-events.ts";
import { checkServer, post } from "./post.ts";
import { requiredSecret } from "./required-secret.ts";

const EVENTS_AT_ONCE = 4;

/** An incident a job. https://developer.pagerduty.com/docs/events-api-v2-overview */
export async function pagerDutyNotifier(options: PagerDutyOptions, { secrets }: NotifierContext): Promise<Notifier> {
  const { url, dedup_prefix } = options;
  const routingKey = await requiredSecret(secrets, secretOf(options, "routing_key"), "routing_key");
  // Sending again after a failure half-way goes on where it was: an event that was taken is not sent twice.
  const sent = new WeakMap<Report, Set<number>>();
  const to = { routingKey, prefix: dedup_prefix };
  return {
    takesOver: true,
    check: (signal) => checkServer(url, signal),
    begin: async () => {},
    async send(report, signal) {
      const events = pagerDutyEvents(report, to);
      const done = sent.get(report) ?? new Set();
      sent.set(report, done);
      const faults: unknown[] = [];
      const isDown = () => faults.some((fault) => fault instanceof TransientError);
      // The worst come first. A test's two are of one incident, and have an order.
      await eachLimited(events.entries(), report.kind === "test" ? 1 : EVENTS_AT_ONCE, async ([index, event]) => {
        if (done.has(index) || isDown()) return;
        try {
          await post({ url, body: JSON.stringify(event) }, signal);
          done.add(index);
        } catch (error) {
          // One that is refused keeps no other from being sent.
          faults.push(error);
        }
      });
      if (faults.length > 0) throw faults.find((fault) => fault instanceof TransientError) ?? faults[0];
    },
    heardOf(report) {
      const all = pagerDutyEvents(report, to);
      const taken = new Set([...(sent.get(report) ?? [])].map((index) => all[index]?.dedup_key));
      const isTaken = (job: JobReport) =>
        pagerDutyEvents({ ...report, jobs: [job] }, to).some(({ dedup_key }) => taken.has(dedup_key));
      return report.jobs.filter(isTaken).map(({ job }) => job);
    },
  };
}
