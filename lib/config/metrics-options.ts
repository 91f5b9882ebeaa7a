import * as z from "zod";
import { metricFamilies } from "../measures/metric-families.ts";
import { secretFields } from "./secret-fields.ts";
import { duration } from "./values.ts";

/** What `metrics:` may hold: an entry for each place that metrics go to. Each output is a file of lib/metrics. */

const MAX_TIMEOUT_MS = 60_000;
const OURS: ReadonlySet<string> = new Set(["job", "backup_job", ...metricFamilies.flatMap(({ labels }) => labels)]);

const timeout = duration
  .refine((ms) => ms <= MAX_TIMEOUT_MS, { error: "must not be longer than 1m" })
  .prefault("10s")
  .describe("Longest time that it may take of a run: half of it when it begins, half when it ended. Default: 10s.");

const LABEL = /^(?!__)[a-zA-Z_][a-zA-Z0-9_]*$/;

const labels = z
  .record(z.string(), z.string().max(200))
  .superRefine((given, context) => {
    for (const name of Object.keys(given)) {
      const say = (message: string) => context.addIssue({ code: "custom", path: [name], message });
      if (!LABEL.test(name)) say("is no name for a label: letters, digits and underscores");
      else if (OURS.has(name)) say("is a label that metrics have already: choose another name");
    }
  })
  .default({})
  .describe("Labels that every metric gets.");

const textfile = z
  .strictObject({
    folder: z
      .string()
      .min(1)
      .describe("The folder that node_exporter's --collector.textfile.directory names. It has to be there."),
    timeout,
  })
  .describe("A file for each job, for the textfile collector of Prometheus' node_exporter.");

const httpAddress = z
  .string()
  .refine((text) => URL.canParse(text) && /^https?:$/.test(new URL(text).protocol), {
    error: "must be an http or https address",
  })
  .refine((text) => !URL.canParse(text) || (new URL(text).username === "" && new URL(text).password === ""), {
    error: "must hold no credentials: username, password and token have keys of their own",
  });

const has = (options: object, secret: string): boolean =>
  Object.keys(options).some((key) => key.startsWith(`${secret}_`));

const pushgateway = z
  .strictObject({
    url: httpAddress.describe("Of the Pushgateway, such as http://pushgateway.example.com:9091."),
    job: z.string().min(1).max(100).default("core_backup").describe("The grouping's job label. Default: core_backup."),
    instance: z
      .string()
      .max(200)
      .optional()
      .describe('The grouping\'s instance label; "" for none. Default: the name of this machine.'),
    username: z.string().min(1).optional().describe("For HTTP's basic authentication, with password."),
    ...secretFields("password"),
    ...secretFields("token"),
    timeout,
  })
  .refine((options) => has(options, "password") === (options.username !== undefined), {
    error: "needs username and password, or neither",
  })
  .refine((options) => !(has(options, "password") && has(options, "token")), {
    error: "takes a password or a token, not both",
  })
  .describe("A group for each job in a Prometheus Pushgateway.");

const statsd = z
  .strictObject({
    host: z.string().min(1).max(255).default("127.0.0.1").describe("Default: 127.0.0.1."),
    port: z.int().min(1).max(65_535).default(8125).describe("Default: 8125."),
    format: z
      .enum(["statsd", "dogstatsd"])
      .default("statsd")
      .describe("dogstatsd has tags; statsd puts labels into the name. Default: statsd."),
    prefix: z
      .string()
      .regex(/^[A-Za-z0-9_.-]+$/, { error: "must be made of letters, digits, dots, dashes and underscores" })
      .default("core_backup")
      .describe("What names begin with. Default: core_backup."),
    max_packet_bytes: z
      .int()
      .min(256)
      .max(65_000)
      .default(1432)
      .describe("The longest packet; the default of 1432 passes any Ethernet whole."),
    timeout,
  })
  .describe("A StatsD or DogStatsD server, over UDP.");

const cloudwatch = z
  .strictObject({
    namespace: z
      .string()
      .regex(/^(?!AWS\/)[A-Za-z0-9._/#:-]{1,255}$/, {
        error: "must be up to 255 letters, digits and . - _ / # :, and not begin with AWS/",
      })
      .default("core-backup")
      .describe("Default: core-backup."),
    dimensions: z.array(z.string()).max(8).default([]).describe("Names of labels that are dimensions, beside Job."),
    all: z
      .boolean()
      .default(false)
      .describe(
        "Whether also units by each status, errors by code, the age of the last success, waits for the lease, requests to the source and what its quota left are metrics, which cost as such. Default: false.",
      ),
  })
  .describe("CloudWatch, from a function's log. Where there is no function it is nothing.");

export const metricsSchema = z
  .strictObject({
    labels,
    textfile: textfile.optional(),
    pushgateway: pushgateway.optional(),
    statsd: statsd.optional(),
    cloudwatch: cloudwatch.optional(),
  })
  .superRefine(({ labels: given, cloudwatch: asked }, context) => {
    for (const [index, name] of (asked?.dimensions ?? []).entries()) {
      if (Object.hasOwn(given, name)) continue;
      const message = `${JSON.stringify(name)} is none of the labels`;
      context.addIssue({ code: "custom", path: ["cloudwatch", "dimensions", index], message });
    }
  })
  .describe("Where metrics go. Present, if only as {}: counters are kept in the storage.");

export type MetricsOptions = z.infer<typeof metricsSchema>;
export type TextfileOptions = z.infer<typeof textfile>;
export type StatsdOptions = z.infer<typeof statsd>;
export type CloudwatchOptions = z.infer<typeof cloudwatch>;
export type PushgatewayOptions = z.infer<typeof pushgateway>;
