import { type Bill, stackMonth } from "../lib/cost/cost.ts";
import { dollars } from "../lib/cost/examples.ts";
import type { JobCost } from "../lib/cost/job-cost.ts";
import type { Prices } from "../lib/cost/prices.ts";
import { formatBytes, formatCount } from "../lib/format.ts";
import { table } from "./table.ts";

const services: readonly (readonly [keyof Bill, string])[] = [
  ["lambda", "Lambda"],
  ["stepFunctions", "Step Functions"],
  ["fargate", "Fargate"],
  ["s3Requests", "S3 requests"],
  ["s3Storage", "S3 storage"],
  ["watching", "logs, traces, alarms"],
  ["egress", "egress"],
  ["total", "in all"],
];

/** What `plan --cost` adds to a job: a row a service. */
export function costText(cost: JobCost | undefined, prices: Prices | undefined, width: number | undefined): string {
  if (cost === undefined || prices === undefined) return "";
  const { asOf, region } = prices;
  const columns = [
    { title: "on AWS" },
    { title: "a run", align: "right" as const },
    { title: "a month", align: "right" as const },
  ];
  const rows = services.map(([key, name]) => [name, dollars(cost.run[key]), dollars(cost.month[key])]);
  const { usage, runsPerMonth, snapshots, bytes, assumed, restore } = cost;
  return [
    `\n${table(columns, rows, width)}`,
    `${formatCount(runsPerMonth, "run")} a month, ${formatCount(snapshots, "snapshot")} of ${formatBytes(bytes)} kept; a run: `,
    `${usage.lambdaRequests} calls of functions, ${usage.transitions} state transitions, ${Math.round(usage.s3Writes + usage.s3Reads)} requests on the bucket\n`,
    `bringing one snapshot out of AWS: ${dollars(restore)}; prices of ${region} as of ${asOf}, without free tiers (--prices FILE for others)\n`,
    ...assumed.map((one) => `assumed: ${one}\n`),
  ].join("");
}

/** What it adds once, below all jobs. */
export function stackCostText(prices: Prices | undefined): string {
  if (prices === undefined) return "";
  const { alarms, watch, dashboard, total } = stackMonth(prices);
  return `\nthe stack itself, whatever its jobs: ${dollars(total)} a month (dashboard ${dollars(dashboard)} beyond an account's first three, alarms and metrics ${dollars(alarms)}, the watch ${dollars(watch)})\n`;
}
