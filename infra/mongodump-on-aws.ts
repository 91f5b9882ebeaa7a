import type { Issue } from "../lib/config/issues.ts";
import { isRecord } from "../lib/config/messages.ts";
import type { Path } from "../lib/config/place.ts";
import type { Deployed } from "./deployed.ts";
import { hasTasksAsGiven, isBuilt } from "./task-options.ts";

/** What keeps `dump_strategy: mongodump` from being done: the program is in no function, and in the image that is built only where it is asked for. */
export function mongodumpFaults(
  job: Readonly<Record<string, unknown>>,
  path: Path,
  { image, hasTools }: Deployed,
): readonly Issue[] {
  if (job.service !== "mongodb" || !isRecord(job.options)) return [];
  const fault = !hasTasksAsGiven(job.compute, image)
    ? "is for tasks on AWS, since functions have no mongodump: give the job compute: fargate, or use driver"
    : isBuilt(image) && !hasTools
      ? "is not in the image that deploying builds: name MongoDB Database Tools by --param=mongodbTools=URL and --param=mongodbToolsSha256=DIGEST, or give --param=image=URI of one with them, or use driver"
      : undefined;
  if (fault === undefined) return [];
  return strategiesIn(job.options, [...path, "options"]).map((place) => ({
    path: place,
    isKey: false,
    message: fault,
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
