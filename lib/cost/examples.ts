import { OLD_VERSIONS_DAYS } from "../deployment/stack.ts";
import { costOf, type MonthShape, machineMonth } from "./cost.ts";
import type { Prices } from "./prices.ts";
import type { RunShape } from "./run-usage.ts";

/** Repositories as they are in most organizations: small, and nine of ten as they were the night before. */
const REPOSITORY = { bytes: 20e6, artifacts: 1, seconds: 6, changed: 0.1 };
const MONTH: MonthShape = { runs: 30, snapshots: 14, oldVersionsDays: OLD_VERSIONS_DAYS };
const VERIFIED_BYTES_PER_SECOND = 60e6;
/** Of what is unchanged, as `verify` reads by default. */
const READ_AGAIN = 0.1;

/** A night's run over so many repositories. */
export function nightOf(repositories: number): RunShape {
  const collected = Math.round(repositories * REPOSITORY.changed);
  const bytes = repositories * REPOSITORY.bytes;
  const read = bytes * (REPOSITORY.changed + (1 - REPOSITORY.changed) * READ_AGAIN);
  return {
    collected,
    unchanged: repositories - collected,
    onFargate: 0,
    artifactsPerUnit: REPOSITORY.artifacts,
    secondsPerUnit: REPOSITORY.seconds,
    bytes,
    verifySeconds: read / VERIFIED_BYTES_PER_SECOND,
    verifyOnFargate: { parts: 0, seconds: 0 },
  };
}

/** The table of docs/aws.md, a row each number of repositories. */
export function exampleTable(prices: Prices): string {
  const rows = [10, 1_000, 10_000].map((repositories) => {
    const shape = nightOf(repositories);
    const { run, month } = costOf(shape, MONTH, prices);
    const parts = [month.lambda, month.stepFunctions, month.s3Requests, month.s3Storage, month.watching];
    return [
      repositories.toLocaleString("en"),
      ...[run.total, ...parts, month.total, machineMonth(shape, MONTH, prices)].map(dollars),
    ];
  });
  const head = [
    "repositories",
    "a run",
    "Lambda",
    "Step Functions",
    "S3 requests",
    "S3 storage",
    "logs, alarms",
    "a month",
    "with a machine (unconfirmed)",
  ];
  const widths = head.map((title, n) => Math.max(title.length, ...rows.map((row) => row[n]?.length ?? 0)));
  const line = (cells: readonly string[]) => `| ${cells.map((cell, n) => cell.padStart(widths[n] ?? 0)).join(" | ")} |`;
  return [line(head), `| ${widths.map((width) => `${"-".repeat(width - 1)}:`).join(" | ")} |`, ...rows.map(line)].join(
    "\n",
  );
}

/** Cents where there are some. */
export const dollars = (amount: number): string => (amount > 0 && amount < 0.005 ? "< $0.01" : `$${amount.toFixed(2)}`);
