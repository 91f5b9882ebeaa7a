import * as z from "zod";
import { type ReportEvent, reportEvents } from "../notify/report.ts";
import { maybeSecretFields, secretFields } from "./secret-fields.ts";
import { age, duration, growth, percentage, size } from "./values.ts";

/** What `notifications:` may hold, told apart by `type`. Each type's notifier is a file of lib/notifiers. */

const DEFAULT_EVENTS: readonly ReportEvent[] = reportEvents.filter((event) => event !== "success");
const ENDS_INCIDENTS: readonly ReportEvent[] = ["recovered", "success"];
const MAX_TIMEOUT_MS = 600_000;
/** A variable, a file or a Vault path, whatever it is called. */
const hasSecret = (options: object, name: string): boolean =>
  Object.keys(options).some((key) => key.startsWith(`${name}_`));

const thresholds = z
  .strictObject({
    duration_over: age.optional().describe("The run took longer than this, such as 2h."),
    shrunk_by: percentage
      .optional()
      .describe("The source is smaller than in the last good snapshot by this, such as 50%."),
    grown_by: growth.optional().describe("The source is larger than in the last good snapshot by this, such as 200%."),
    bytes_over: size.optional().describe("The snapshot takes more space than this, such as 100 GiB."),
    unit_failures_over: z.int().nonnegative().optional().describe("More units than this failed."),
    not_proved_for: age.optional().describe("No snapshot was proved for so long, such as 14d."),
  })
  .prefault({})
  .describe("What makes a run a threshold event, though it may be a good one.");

const common = {
  on: z
    .array(z.enum(reportEvents))
    .min(1)
    .optional()
    .describe(
      `When to tell. Default: ${DEFAULT_EVENTS.join(", ")}; a webhook with pings hears of everything, and PagerDuty always of what ends an incident.`,
    ),
  thresholds,
  timeout: duration
    .refine((ms) => ms <= MAX_TIMEOUT_MS, { error: "must not be longer than 10m" })
    .prefault("30s")
    .describe(
      "Longest time that it may take of a run: a quarter of it to look whether it answers, a quarter to tell, a quarter to stand in for others, a quarter for the ping at its end. Default: 30s.",
    ),
  manifest_link: z
    .string()
    .refine((text) => /^https?:\/\/[^\s{}]*\{key\}[^\s{}]*$/.test(text), {
      error: "must be an http or https address that holds {key}, such as https://backups.example.com/{key}",
    })
    .optional()
    .describe("Address under which a manifest can be opened; {key} stands for its key in the storage."),
};

const endpoint = z.string().refine((text) => URL.canParse(text) && /^https?:$/.test(new URL(text).protocol), {
  error: "must be an http or https address",
});

const address = z
  .string()
  .regex(/^[^\s@<>",;]+@[^\s@<>",;]+$/, { error: "must be an address such as backups@example.com" });

const slack = z
  .strictObject({ type: z.literal("slack"), ...common, ...secretFields("webhook") })
  .refine((options) => hasSecret(options, "webhook"), {
    error: "needs webhook_env, webhook_file or another form of it",
  })
  .describe("A channel, by an incoming webhook.");

const email = z
  .strictObject({
    type: z.literal("email"),
    ...common,
    host: z
      .string()
      .regex(/^[^\s:/]+$|^[0-9a-fA-F:]+$/, { error: "must be a host name or address without port" })
      .describe("The SMTP server."),
    port: z.int().min(1).max(65_535).optional().describe("Default: 587; 465 with tls: implicit; 25 with tls: none."),
    tls: z
      .enum(["starttls", "implicit", "none"])
      .default("starttls")
      .describe(
        "starttls: refuse a server that does not offer it. none: without encryption, for a relay on this machine.",
      ),
    ca_file: z
      .string()
      .min(1)
      .optional()
      .describe("PEM file with certificate authorities to trust in place of the system's."),
    from: address.describe("The sender."),
    to: z.array(address).min(1).max(50).describe("Who gets the mail."),
    ...maybeSecretFields("username"),
    ...secretFields("password"),
  })
  .refine(
    (options) => hasSecret(options, "password") === (options.username !== undefined || hasSecret(options, "username")),
    {
      error: "needs username and password, or neither",
    },
  )
  .refine((options) => options.tls !== "none" || !hasSecret(options, "password"), {
    error: "must not be none where a password is sent",
    path: ["tls"],
  })
  .describe("A mail, by SMTP.");

const pagerduty = z
  .strictObject({
    type: z.literal("pagerduty"),
    ...common,
    ...secretFields("routing_key"),
    url: endpoint
      .default("https://events.pagerduty.com/v2/enqueue")
      .describe("For the EU region: https://events.eu.pagerduty.com/v2/enqueue."),
    dedup_prefix: z
      .string()
      .min(1)
      .max(100)
      .optional()
      .describe("Keeps machines apart that have jobs and storage paths of the same names and share a routing key."),
  })
  .refine((options) => hasSecret(options, "routing_key"), {
    error: "needs routing_key_env, routing_key_file or another form of it",
  })
  .describe("An incident a job, by the Events API v2; resolved by the next good run.");

const PINGS = ["start_url", "success_url", "failure_url"] as const;

const webhook = z
  .strictObject({
    type: z.literal("webhook"),
    ...common,
    ...secretFields("url"),
    ...secretFields("start_url"),
    ...secretFields("success_url"),
    ...secretFields("failure_url"),
    ...secretFields("key"),
  })
  .refine((options) => ["url", ...PINGS].some((name) => hasSecret(options, name)), {
    error: "needs url_env, url_file or another form of it, or one of the pings start_url, success_url and failure_url",
  })
  .describe(
    "An HTTP server: the whole report as JSON, signed where there is a key; and pings, as healthchecks.io takes them.",
  );

const sns = z
  .strictObject({
    type: z.literal("sns"),
    ...common,
    topic_arn: z
      .string()
      .regex(/^arn:[\w-]+:sns:[a-z0-9-]+:\d{12}:[\w.-]+$/, {
        error: "must be a topic's ARN, such as arn:aws:sns:eu-central-1:123456789012:backups",
      })
      .describe("The topic; its region is taken from it."),
    endpoint: endpoint.optional().describe("Address of another service that speaks SNS."),
  })
  .describe("An Amazon SNS topic.");

export const notifierKinds = { slack, email, pagerduty, webhook, sns } as const;

export type NotifierType = keyof typeof notifierKinds;
export type NotifierOptions = z.infer<(typeof notifierKinds)[NotifierType]>;
export type SlackOptions = z.infer<typeof slack>;
export type EmailOptions = z.infer<typeof email>;
export type PagerDutyOptions = z.infer<typeof pagerduty>;
export type WebhookOptions = z.infer<typeof webhook>;
export type SnsOptions = z.infer<typeof sns>;
export type Thresholds = z.infer<typeof thresholds>;

/** What a notifier wants to hear of. */
export function wantedEvents(options: NotifierOptions): readonly ReportEvent[] {
  // An incident that nobody resolves is worse than none.
  if (options.type === "pagerduty") {
    const wanted = [...new Set([...(options.on ?? DEFAULT_EVENTS), ...ENDS_INCIDENTS])];
    // A schedule that was changed is no incident, nor the end of one.
    return wanted.filter((event) => event !== "changed");
  }
  if (options.on !== undefined) return options.on;
  return hasPings(options) ? reportEvents : DEFAULT_EVENTS;
}

export const hasPings = (options: NotifierOptions): boolean =>
  options.type === "webhook" && PINGS.some((name) => hasSecret(options, name));

/** It hears how runs ended, and gets no message. */
export const pingsAlone = (options: NotifierOptions): boolean => hasPings(options) && !hasSecret(options, "url");
