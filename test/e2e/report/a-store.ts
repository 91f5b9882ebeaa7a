import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { removalsKey } from "../../../lib/keys.ts";
import { type Day, writeSnapshots } from "../../support/many-snapshots.ts";

export interface Store {
  readonly config: string;
  readonly jobs: readonly string[];
}

const DAY_MS = 86_400_000;
/** One that would break out of any markup, command or table that let it. */
export const HOSTILE = `<img src=x onerror=alert(1)> & "co" 'it'`;

/** Jobs that run daily, and a hostile name among them, each with so many days of mixed outcomes up to this morning. */
export async function aStore(folder: string, jobCount: number, days: number | ((n: number) => number)): Promise<Store> {
  const daysOf = typeof days === "number" ? () => days : days;
  const base = join(folder, "store");
  await mkdir(base);
  const jobs = Array.from({ length: jobCount }, (_, n) => (n === 1 ? HOSTILE : `job-${n}`));
  const newest = new Date(Math.floor(Date.now() / DAY_MS) * DAY_MS);
  await Promise.all(
    jobs.map(async (job, n) => {
      await writeSnapshots(base, job, outcomes(n, daysOf(n)), newest);
      await writeFile(join(base, removalsKey(job)), removalsOf(job, n, newest));
    }),
  );
  const entries = jobs.map(
    (job, n) => `  - name: ${JSON.stringify(job)}
    service: filesystem
    schedule: "0 0 * * *"
    retention: { keep_daily: ${Math.max(1, daysOf(n) - 10)}, max_removals: 40 }
    target_storage: store
    options: { paths: [/etc] }`,
  );
  const config = join(folder, "core-backup.yml");
  await writeFile(
    config,
    `jobs:\n${entries.join("\n")}\nstorage:\n  store: { type: filesystem, base_path: ${base} }\n`,
  );
  return { config, jobs };
}

/** How many of the days before today have a record of what was stored; today is not among them. */
export const RECORDED_DAYS = 20;

/** As prune would have recorded it. */
export const storedOn = (job: number, daysAgo: number): number => 1_000_000_000 * (1 + ((job + daysAgo) % 4));

function removalsOf(job: string, n: number, newest: Date): string {
  const stored = Array.from({ length: RECORDED_DAYS }, (_, day) => {
    const daysAgo = RECORDED_DAYS - day;
    const time = new Date(newest.getTime() - daysAgo * DAY_MS);
    return { day: time.toISOString().slice(0, 10), bytes: storedOn(n, daysAgo) };
  });
  return JSON.stringify({ schemaVersion: 1, job, removed: [], stored });
}

/** All end well, but for the third job, which has not run for four days. */
function outcomes(job: number, days: number): Day[] {
  return Array.from({ length: days }, (_, n) => {
    if (n >= days - 4) return job === 2 ? "none" : "proved";
    if ((n + job) % 23 === 5) return "partial";
    if ((n + job) % 31 === 7) return "failed";
    if ((n + job) % 37 === 9) return "none";
    return (n + job) % 5 === 0 ? "good" : "proved";
  });
}
