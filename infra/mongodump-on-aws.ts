import type { Issue } from "../lib/config/issues.ts";
import { isRecord } from "../lib/config/messages.ts";
import type { Path } from "../lib/config/place.ts";
import type { Deployed } from "./deployed.ts";
import { hasTasksAsGiven } from "./task-options.ts";

/** What keeps `dump_strategy: mongodump` from being done: functions have no such program, as tasks have. */
export function mongodumpFaults(
  job: Readonly<Record<string, unknown>>,
  path: Path,
  { image }: Pick<Deployed, "image">,
): readonly Issue[] {
  if (job.service !== "mongodb" || !isRecord(job.options) || hasTasksAsGiven(job.compute, image)) return [];
  return strategiesIn(job.options, [...path, "options"]).map((place) => ({
    path: place,
    isKey: false,
    message: "is for tasks on AWS, since functions have no mongodump: give the job compute: fargate, or use driver",
  }));
}

/** Where a database is said to be read by it. */
function strategiesIn({ dump_strategy, databases }: Readonly<Record<string, unknown>>, place: Path): readonly Path[] {
  const entries: readonly unknown[] = Array.isArray(databases) ? databases : [];
  const own = entries.map((entry) => (isRecord(entry) ? entry.dump_strategy : undefined));
  const places = own.flatMap((given, index) =>
    given === "mongodump" ? [[...place, "databases", index, "dump_strategy"]] : [],
  );
  const ofJob = dump_strategy === "mongodump" && (entries.length === 0 || own.includes(undefined));
  return ofJob ? [[...place, "dump_strategy"], ...places] : places;
}
