import { normalize } from "node:path";
import type { Issue } from "../lib/config/issues.ts";
import { isRecord } from "../lib/config/messages.ts";
import type { Path } from "../lib/config/place.ts";
import { type EfsMount, mountOf } from "./efs.ts";

/** What keeps a job of service `filesystem` from being run on AWS, where its files are on file systems of Amazon EFS. */
export function filesystemFaults(
  job: Readonly<Record<string, unknown>>,
  path: Path,
  mounts: readonly EfsMount[],
): readonly Issue[] {
  if (job.service !== "filesystem") return [];
  if (mounts.length === 0) {
    const message =
      "has nothing to read on AWS, where no machine's files are: mount a file system of Amazon EFS with --param=efs=/mnt/NAME=fs-…/fsap-…, or run this job at a desk";
    return [at([...path, "service"], message)];
  }
  const needsTasks =
    job.compute === "fargate"
      ? []
      : [
          at(
            [...path, job.compute === undefined ? "service" : "compute"],
            "is read by tasks on AWS, since a function has no tar: give the job compute: fargate",
          ),
        ];
  return [
    ...needsTasks,
    ...pathsOf(job, path).flatMap(({ text, place }) => {
      const fault = pathFault(text, mounts);
      return fault === undefined ? [] : [at(place, fault)];
    }),
  ];
}

/** The mounts that a job reads of. */
export function mountsOf(document: unknown, job: string, mounts: readonly EfsMount[]): readonly EfsMount[] {
  const jobs = isRecord(document) && Array.isArray(document.jobs) ? document.jobs : [];
  const own = jobs.find((one) => isRecord(one) && one.name === job);
  if (!isRecord(own) || own.service !== "filesystem") return [];
  const used = new Set(pathsOf(own, []).map(({ text }) => mountOf(mounts, normalize(text))));
  return mounts.filter((mount) => used.has(mount));
}

/** Units are listed by a function, which has no file system mounted. */
function pathFault(text: string, mounts: readonly EfsMount[]): string | undefined {
  if (/[*?[\]{}!()]/.test(text)) return "cannot be a pattern on AWS: name each path";
  if (mountOf(mounts, normalize(text)) !== undefined) return undefined;
  return `lies on no file system that --param=efs mounts (${mounts.map(({ path }) => path).join(", ")})`;
}

function pathsOf(job: Readonly<Record<string, unknown>>, path: Path): readonly { text: string; place: Path }[] {
  if (!isRecord(job.options)) return [];
  const { paths } = job.options;
  const place = [...path, "options", "paths"];
  if (typeof paths === "string") return [{ text: paths, place }];
  if (!Array.isArray(paths)) return [];
  return paths.flatMap((text, index) => (typeof text === "string" ? [{ text, place: [...place, index] }] : []));
}

const at = (path: Path, message: string): Issue => ({ path, isKey: false, message });
