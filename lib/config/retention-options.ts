import * as z from "zod";

const rule = (about: string) => z.int().positive().max(100_000).optional().describe(about);

const fields = z.strictObject({
  mode: z
    .enum(["count", "age", "hybrid"])
    .optional()
    .describe(
      "count: by keep_last. age: by keep_days. hybrid: by any rules together. Derived from the rules when left out.",
    ),
  keep_last: rule("Keep this many of the newest good snapshots."),
  keep_days: rule("Keep what is at most this many days older than the newest good snapshot."),
  keep_daily: rule("Keep the last good snapshot of each of this many days."),
  keep_weekly: rule("Keep the last good snapshot of each of this many weeks."),
  keep_monthly: rule("Keep the last good snapshot of each of this many months."),
  keep_yearly: rule("Keep the last good snapshot of each of this many years."),
  min_keep: z
    .int()
    .positive()
    .max(100_000)
    .default(1)
    .describe("Never go below this many good snapshots, however old."),
  max_removals: z
    .int()
    .positive()
    .max(100_000)
    .default(10)
    .describe("Remove nothing when the policy would remove more than this in one run."),
});

type Fields = z.infer<typeof fields>;

const RULES = ["keep_last", "keep_days", "keep_daily", "keep_weekly", "keep_monthly", "keep_yearly"] as const;

/** Snapshots that any rule keeps are kept. Without a rule everything is kept. `mode` stays as it was written: see `withMode`. */
export const retentionSchema = fields
  .superRefine((policy, context) => {
    for (const [key, message] of contradictions(policy)) context.addIssue({ code: "custom", path: [key], message });
  })
  .describe("What prune keeps. A snapshot stays when any rule keeps it; without a rule all stay.");

/** The policy with `mode` filled in from its rules; without rules it stays undefined. */
export function withMode(policy: Fields): Fields {
  const mode = policy.mode ?? derivedMode(policy);
  return mode === undefined ? policy : { ...policy, mode };
}

function derivedMode(policy: Fields): Fields["mode"] {
  const given = RULES.filter((name) => policy[name] !== undefined);
  if (given.length === 0) return undefined;
  if (given.length > 1) return "hybrid";
  return given[0] === "keep_last" ? "count" : given[0] === "keep_days" ? "age" : "hybrid";
}

function contradictions(policy: Fields): [keyof Fields, string][] {
  const { mode, keep_last: last, keep_days: days, min_keep: least } = policy;
  const found: [keyof Fields, string][] = [];
  if (mode === "count" && last === undefined) found.push(["mode", "count needs keep_last"]);
  if (mode === "count" && days !== undefined)
    found.push(["keep_days", "contradicts mode count: leave it out, or use mode hybrid"]);
  if (mode === "age" && days === undefined) found.push(["mode", "age needs keep_days"]);
  if (mode === "age" && last !== undefined)
    found.push(["keep_last", "contradicts mode age: leave it out, or use mode hybrid"]);
  if (mode === "hybrid" && RULES.every((name) => policy[name] === undefined)) {
    found.push(["mode", `hybrid needs at least one of ${RULES.join(", ")}`]);
  }
  if (derivedMode(policy) === "count" && last !== undefined && least > last) {
    found.push(["min_keep", `${least} is more than keep_last, ${last}`]);
  }
  return found;
}
