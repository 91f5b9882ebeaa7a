import * as z from "zod";
import { metricFamilies } from "../metric-families.ts";
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

export const metricsSchema = z
  .strictObject({
    labels,
    textfile: textfile.optional(),
  })
  .describe("Where metrics go. Present, if only as {}: counters are kept in the storage.");

export type MetricsOptions = z.infer<typeof metricsSchema>;
export type TextfileOptions = z.infer<typeof textfile>;
