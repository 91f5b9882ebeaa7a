import { beginsIncident, endsIncident, type JobReport, type Report, verdict } from "../notify/report.ts";
import { figures, jobLines, subject, TEST_TEXT } from "./lines.ts";

export interface PagerDutyEvent {
  readonly routing_key: string;
  readonly event_action: "trigger" | "resolve";
  readonly dedup_key: string;
  readonly payload?: {
    readonly summary: string;
    readonly severity: "critical" | "error" | "warning" | "info";
    readonly source: string;
    readonly timestamp: string;
    readonly component: string;
    readonly group: string;
    readonly class: string;
    readonly custom_details: Readonly<Record<string, string>>;
  };
  readonly client?: string;
  readonly links?: readonly { readonly href: string; readonly text: string }[];
}

/** PagerDuty's own bounds. */
const MAX_SUMMARY = 1024;
const MAX_KEY = 255;

/**
 * At most one event for each job: an incident begins with what is not well and ends with what is good again, and a good run
 * that leaves something open does neither. A test begins and ends one.
 */
export function pagerDutyEvents(
  report: Report,
  { routingKey, prefix }: { readonly routingKey: string; readonly prefix: string | undefined },
): readonly PagerDutyEvent[] {
  const keyOf = (key: string) => (prefix === undefined ? key : `${prefix}/${key}`).slice(-MAX_KEY);
  if (report.kind === "test") return testEvents(report, routingKey, keyOf("core-backup/test"));
  return report.jobs.flatMap((job): readonly PagerDutyEvent[] => {
    const dedup_key = keyOf(job.key);
    if (endsIncident(job)) return [{ routing_key: routingKey, event_action: "resolve", dedup_key }];
    if (!beginsIncident(job)) return [];
    return [{ routing_key: routingKey, event_action: "trigger", dedup_key, ...triggerOf(report, job) }];
  });
}

function triggerOf(report: Report, job: JobReport): Pick<PagerDutyEvent, "payload" | "client" | "links"> {
  const links = job.link === undefined ? [] : [{ href: job.link, text: "manifest.json" }];
  return {
    payload: {
      summary: `backup of ${job.job} ${verdict(job).one}: ${job.thresholds[0] ?? job.summary}`.slice(0, MAX_SUMMARY),
      severity: severityOf(job),
      source: report.host,
      timestamp: report.at,
      component: job.job,
      group: job.service,
      class: job.events[0] ?? "failure",
      custom_details: detailsOf(job, report),
    },
    client: report.tool.name,
    links,
  };
}

/** No good snapshot in time is worse than one run that failed. */
function severityOf({ events, status }: JobReport): "critical" | "error" | "warning" {
  if (events.includes("missed")) return "critical";
  return status === "failed" || status === "interrupted" ? "error" : "warning";
}

function detailsOf(job: JobReport, report: Report): Record<string, string> {
  const details = new Map<string, string[]>();
  for (const { label, text } of jobLines(job, new Date(report.at))) {
    details.set(label, [...(details.get(label) ?? []), text]);
  }
  const notes = report.notes.length === 0 ? [] : [["note", report.notes.join("\n")]];
  const size = figures(job);
  return Object.fromEntries([
    ...[...details].map(([label, texts]) => [label, texts.join("\n")]),
    ...(size === undefined ? [] : [["run", size]]),
    ...notes,
  ]);
}

function testEvents(report: Report, routing_key: string, dedup_key: string): readonly PagerDutyEvent[] {
  const payload = {
    summary: subject(report).slice(0, MAX_SUMMARY),
    severity: "info" as const,
    source: report.host,
    timestamp: report.at,
    component: "notify",
    group: "core-backup",
    class: "test",
    custom_details: { what: TEST_TEXT },
  };
  return [
    { routing_key, event_action: "trigger", dedup_key, payload, client: report.tool.name, links: [] },
    { routing_key, event_action: "resolve", dedup_key },
  ];
}
