import * as z from "zod";
import { encryptionSchema } from "../encryption/all.ts";
import { isTimezone, scheduleFault, timezones } from "../scheduling/schedule.ts";
import { secretsSchema, type VaultOptions } from "../secrets/options.ts";
import { hooksSchema } from "./hook-options.ts";
import { type MetricsOptions, metricsSchema } from "./metrics-options.ts";
import { type EgressOptions, egressSchema, type ProxyOptions, proxySchema } from "./network-options.ts";
import type { NotifierOptions } from "./notifier-options.ts";
import { retentionSchema, withMode } from "./retention-options.ts";
import type { StorageOptions } from "./storage-options.ts";
import { didYouMean } from "./suggestion.ts";
import { age, duration, durationOrNone, percentage } from "./values.ts";

const COMPRESSION = "must be zstd, gzip, none, or a mapping such as { type: zstd, level: 9 }";

const level = (max: number, usual: number) =>
  z.int().min(1).max(max).default(usual).describe(`1 (fast) to ${max} (small). Default: ${usual}.`);
const zstd = z.strictObject({ type: z.literal("zstd"), level: level(19, 3) });
const gzip = z.strictObject({ type: z.literal("gzip"), level: level(9, 6) });
const none = z.strictObject({ type: z.literal("none") });

const compression = z
  .union([z.enum(["zstd", "gzip", "none"], { error: COMPRESSION }), z.discriminatedUnion("type", [zstd, gzip, none])], {
    error: COMPRESSION,
  })
  .default("zstd")
  .transform((given) => {
    const whole = typeof given === "string" ? { type: given } : given;
    if (whole.type === "none") return { type: whole.type, level: 0 };
    const { level: chosen } = "level" in whole ? whole : (whole.type === "zstd" ? zstd : gzip).parse(whole);
    return { type: whole.type, level: chosen };
  })
  .describe("How what can be compressed is compressed. Default: zstd, level 3.");

const verify = z
  .strictObject({
    checksum: percentage
      .prefault("10%")
      .describe("Share of the artifacts that is read back after each run. Default: 10%."),
    prove: z
      .union([z.boolean(), z.literal("full")], { error: "must be true, false or full" })
      .default(true)
      .describe("Restore what was stored into nothing and compare; full compares every file. Default: true."),
  })
  .prefault({})
  .describe("How a run proves what it stored.");

const CATCH_UP = "must be true, false, or a duration such as 6h";

const catchUp = z
  .union([z.boolean(), age], { error: CATCH_UP })
  .default(true)
  .describe(
    "Whether a time of the schedule that was missed, since nothing was running then, is made up for; a duration: only within so long. Default: true.",
  );

const fields = z.strictObject({
  name: z
    .string()
    .min(1, { abort: true })
    .max(200)
    .regex(/^[^\s\p{Cc}](?:[^\p{Cc}]*[^\s\p{Cc}])?$/u, {
      error: "must be a name in one line, without spaces around it",
    })
    .describe("Name of the job, unique in this file. Snapshots lie in a folder of this name: changing it begins anew."),
  service: z.string().describe("What kind of thing is backed up."),
  schedule: z
    .string({ error: 'must be a cron expression in quotes, such as "0 3 * * *"' })
    .superRefine((text, context) => {
      const message = scheduleFault(text);
      if (message !== undefined) context.addIssue({ code: "custom", message });
    })
    .optional()
    .describe(
      "Cron expression of five fields (minute, hour, day of month, month, day of week), or @daily and the like.",
    ),
  timezone: z
    .string()
    .superRefine((name, context) => {
      if (isTimezone(name)) return;
      context.addIssue({
        code: "custom",
        message: `unknown time zone ${JSON.stringify(name)}${didYouMean(name, timezones())}`,
      });
    })
    .default("UTC")
    .describe("IANA time zone of the schedule, such as Europe/Berlin. Default: UTC."),
  catch_up: catchUp,
  jitter: duration
    .optional()
    .describe(
      "Each run begins up to so much later, by an amount that differs between jobs, such as 10m. Default: none.",
    ),
  retention_days: z
    .int()
    .positive()
    .max(100_000)
    .optional()
    .describe("Short for retention: { mode: age, keep_days: … }. Without any retention everything is kept."),
  retention: retentionSchema.prefault({}),
  target_storage: z
    .string()
    .optional()
    .describe("Name of an entry of storage. May be left out when there is only one."),
  options: z.unknown().optional().describe("What the service needs to know."),
  compression,
  encryption: encryptionSchema.optional().describe("How artifacts are encrypted before they are stored."),
  concurrency: z.int().positive().max(1_000).default(4).describe("Units collected at the same time. Default: 4."),
  timeout: duration.prefault("6h").describe("Longest time for one unit, such as 30m. Default: 6h."),
  compute: z
    .enum(["lambda", "fargate", "auto"], { error: "must be lambda, fargate or auto" })
    .default("auto")
    .describe(
      "On AWS: whether units are collected by functions (lambda), by tasks (fargate), or each by what fits it. Default: auto.",
    ),
  resume_within: durationOrNone
    .prefault("12h")
    .describe(
      "A run that was ended before its time is taken up again if it was at work within this. 0: never. Default: 12h.",
    ),
  verify,
  deadline: age
    .optional()
    .describe(
      "How old the newest good snapshot may be, such as 36h. Default: from the schedule. core-backup watch looks at it.",
    ),
  notify: z
    .array(z.string().min(1))
    .optional()
    .describe("Names of notifications that are told of this job; an empty list: none. Default: all."),
  hooks: hooksSchema.optional(),
  fatal: z.boolean().default(false).describe("A failure of this job ends the whole invocation. Default: false."),
});

/** One job without its options, which are its service's to check. Durations and `retention_days` become what the steps read. */
export const jobSchema = fields
  .superRefine((job, context) => {
    if (job.retention_days === undefined) return;
    const say = (message: string) => context.addIssue({ code: "custom", path: ["retention_days"], message });
    if (job.retention.keep_days !== undefined) say("is given again as retention.keep_days: leave one out");
    else if (job.retention.mode === "count") say("contradicts retention.mode count: leave one out, or use mode hybrid");
  })
  .transform(({ retention_days: days, timeout, resume_within, deadline, catch_up, jitter, ...job }) => ({
    ...job,
    retention: withMode(days === undefined ? job.retention : { ...job.retention, keep_days: days }),
    timeoutMs: timeout,
    resumeWithinMs: resume_within,
    ...(deadline === undefined ? {} : { deadlineMs: deadline }),
    ...(catch_up === true ? {} : { catchUpMs: catch_up === false ? 0 : catch_up }),
    ...(jitter === undefined ? {} : { jitterMs: jitter }),
  }));

/** The keys of a job, for the JSON Schema. */
export const jobFields = fields;

/** The file as a whole; jobs and storages are looked at one by one, so that one fault hides no other. */
export const fileSchema = z.strictObject({
  jobs: z.array(z.unknown()).min(1, { error: "must hold at least one job" }).describe("What to back up."),
  storage: z.record(z.string(), z.unknown()).describe("Where snapshots live, by names of your choice."),
  notifications: z.record(z.string(), z.unknown()).optional().describe("Whom to tell, by names of your choice."),
  metrics: metricsSchema.optional(),
  secrets: secretsSchema.optional(),
  proxy: proxySchema.optional(),
  egress: egressSchema.optional(),
  max_jobs: z.int().positive().max(100).default(2).describe("Jobs that run at the same time. Default: 2."),
});

export type RetentionPolicy = z.infer<typeof retentionSchema>;

export interface Job extends Readonly<Omit<z.infer<typeof jobSchema>, "target_storage" | "schedule" | "options">> {
  readonly schedule?: string;
  readonly target_storage: string;
  /** As the service's own schema gives them. */
  readonly options: unknown;
}

export interface Config {
  /** The path as it was given. */
  readonly file: string;
  readonly jobs: readonly Job[];
  readonly storage: Readonly<Record<string, StorageOptions>>;
  readonly notifications: Readonly<Record<string, NotifierOptions>>;
  readonly metrics?: MetricsOptions | undefined;
  readonly secrets?: { readonly vault?: VaultOptions | undefined };
  readonly proxy?: ProxyOptions | undefined;
  readonly egress?: EgressOptions | undefined;
  /** `core-backup.yml:12`, where `egress.allow` stands. */
  readonly egressPlace?: string | undefined;
  readonly max_jobs: number;
}
