import { createHash } from "node:crypto";
import * as z from "zod";
import type { Job } from "../config/schema.ts";
import { json } from "../manifest.ts";

const instant = z.iso.datetime();

/** `.run/run.json`, written after the plan: that the plan is whole, and what has to be the same to go on by it. */
export const runDocumentSchema = z.strictObject({
  schemaVersion: z.literal(1),
  run: z.string(),
  job: z.string(),
  service: z.string(),
  configuration: z.string().describe("digest of the job's settings that decide what is stored"),
  encryption: z.strictObject({ type: z.string(), recipients: z.array(z.string()) }).nullable(),
  only: z.array(z.string()).min(1).optional().describe("what the run was narrowed to"),
  units: z.int().nonnegative(),
});

/** `.run/resumed/<time>.json`, each written once, by who takes up the run for the `time`-th time. */
export const resumedSchema = z.strictObject({
  run: z.string(),
  resumedAt: z.array(instant).min(1).describe("every time that the run was taken up again, this one last"),
});

export type RunDocument = z.infer<typeof runDocumentSchema>;
export type Resumed = z.infer<typeof resumedSchema>;

/**
 * What can change without what is stored being another thing. Encryption is compared by its recipients, and by whether it hides names. A new key of
 * the configuration counts until it is named here.
 */
const WITHOUT_EFFECT = new Set([
  "name",
  "schedule",
  "timezone",
  "retention",
  "target_storage",
  "encryption",
  "concurrency",
  "compute",
  "timeoutMs",
  "verify",
  "deadlineMs",
  "notify",
  "fatal",
  "resumeWithinMs",
  "catchUpMs",
  "jitterMs",
]);

/** The same for two configurations by which a job stores the same things, under the same names. */
export function configurationDigest(job: Job): string {
  const counting: [string, unknown][] = Object.entries(job).filter(([key]) => !WITHOUT_EFFECT.has(key));
  // Which names_key hides them is not asked: what another one sealed does not open, and so is not taken up.
  if (job.encryption?.encrypt_manifest === true) counting.push(["encrypt_manifest", true]);
  const text = JSON.stringify(sorted(json.parse(JSON.parse(JSON.stringify(Object.fromEntries(counting))))));
  return createHash("sha256").update(text).digest("hex");
}

function sorted(value: z.infer<typeof json>): z.infer<typeof json> {
  if (Array.isArray(value)) return value.map(sorted);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, each]) => [key, sorted(each)]),
  );
}
