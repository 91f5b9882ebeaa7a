import { normalize } from "node:path";
import type { Issue } from "../lib/config/issues.ts";
import { isRecord } from "../lib/config/messages.ts";
import type { Path } from "../lib/config/place.ts";
import type { Config } from "../lib/config/schema.ts";
import { type EfsMount, mountOf, type UsedMount } from "./efs.ts";

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

/** What keeps storages of type `nfs` from being used on AWS, where they are a file system of Amazon EFS. `used`: their names. */
export function nfsFaults(
  storages: Readonly<Record<string, unknown>>,
  used: ReadonlySet<string>,
  mounts: readonly EfsMount[],
): readonly Issue[] {
  let first: { readonly name: string; readonly mount: EfsMount } | undefined;
  return [...used].flatMap((name) => {
    const storage = storages[name];
    if (!isRecord(storage) || storage.type !== "nfs" || typeof storage.base_path !== "string") return [];
    const place = ["storage", name, "base_path"];
    const mount = mountOf(mounts, normalize(storage.base_path));
    if (mount === undefined) return [at(place, notMounted(mounts))];
    if (!/^\/mnt\/[^/]+$/.test(mount.path))
      return [
        at(place, `lies on ${mount.path}, and functions mount file systems right below /mnt: --param=efs=/mnt/NAME=…`),
      ];
    first ??= { name, mount };
    if (first.mount === mount) return [];
    const message = `lies on ${mount.path}, and storage ${first.name} on ${first.mount.path}: a function mounts one file system, so deploy their jobs apart`;
    return [at(place, message)];
  });
}

const notMounted = (mounts: readonly EfsMount[]): string =>
  mounts.length === 0
    ? "is a folder that functions do not have: mount a file system of Amazon EFS with --param=efs=/mnt/NAME=fs-…/fsap-…"
    : `lies on no file system that --param=efs mounts (${mounts.map(({ path }) => path).join(", ")})`;

/** The one that jobs write their snapshots to. */
export function storageMount({ jobs, storage }: Config, mounts: readonly EfsMount[]): UsedMount | undefined {
  for (const { target_storage } of jobs) {
    const options = storage[target_storage];
    const mount = options?.type === "nfs" ? mountOf(mounts, normalize(options.base_path)) : undefined;
    if (mount !== undefined) return { ...mount, writes: true };
  }
  return undefined;
}

/** The mounts that a job uses: those that its source lies on, and the one of its snapshots. `own`: the configuration with this job alone. */
export function usedMounts(own: Config, document: unknown, mounts: readonly EfsMount[]): readonly UsedMount[] {
  const [job] = own.jobs;
  const written = storageMount(own, mounts);
  const read = job === undefined ? [] : mountsOf(document, job.name, mounts);
  return mounts
    .filter((mount) => read.includes(mount) || mount.path === written?.path)
    .map((mount) => ({ ...mount, writes: mount.path === written?.path }));
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
  return notMounted(mounts);
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
