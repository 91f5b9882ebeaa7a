import { lstat, opendir } from "node:fs/promises";
import { lookAt } from "./archive.ts";
import { listContainers } from "./engine/api.ts";
import type { Engine } from "./engine/engine.ts";
import type { Volume } from "./engine/shapes.ts";
import type { Helper } from "./helper.ts";
import { folderOf, type Source, writesBy } from "./source.ts";
import { isShiftedHere } from "./user-namespace.ts";

/**
 * The folder on this machine that is the source, if it is certain to be the same one: the Engine's socket is here, no
 * driver is between, and the time of its last change agrees to the nanosecond with what the Engine sees in the helper.
 */
export async function hostPath(
  engine: Engine,
  source: Source,
  volume: Pick<Volume, "Driver" | "Options" | "Mountpoint"> | undefined,
  helper: Helper,
  signal: AbortSignal,
): Promise<string | undefined> {
  if (engine.place.host.kind !== "unix" || process.getuid?.() !== 0) return undefined;
  const path = source.kind === "bind" ? source.path : plainMountpoint(volume);
  if (path === undefined) return undefined;
  // The numbers of users would be the machine's.
  if (await isShiftedHere(engine, signal)) return undefined;
  const { kind, mtime } = await lookAt(engine, helper, signal);
  if (kind !== "folder") return undefined;
  try {
    const stats = await lstat(path, { bigint: true });
    if (!stats.isDirectory() || nanoseconds(mtime) !== stats.mtimeNs) return undefined;
    await (await opendir(path)).close();
    return path;
  } catch {
    return undefined;
  }
}

/** Volumes with options are mounted only while a container runs; others' drivers keep them who knows where. */
function plainMountpoint(volume: Pick<Volume, "Driver" | "Options" | "Mountpoint"> | undefined): string | undefined {
  if (volume === undefined || volume.Driver !== "local" || Object.keys(volume.Options).length > 0) return undefined;
  return volume.Mountpoint === "" ? undefined : volume.Mountpoint;
}

/**
 * Whether nobody can change the source now, those in `held` apart. Who can, could put a link to elsewhere in a folder's
 * place while we walk there; inside of the Engine that leads nowhere, and here to the machine's own files.
 */
export async function liesStill(
  engine: Engine,
  source: Source,
  held: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<boolean> {
  const folder = await folderOf(engine, source, signal);
  const containers = await listContainers(engine, signal);
  return !containers.some(
    ({ Id, State, Mounts }) =>
      /^(running|restarting)$/.test(State) && !held.has(Id) && Mounts.some((mount) => writesBy(source, folder, mount)),
  );
}

/** `2026-11-26T11:34:13.687350185Z` */
function nanoseconds(time: string): bigint | undefined {
  const [, seconds, fraction = ""] =
    /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(?:Z|[+-]\d\d:\d\d)$/.exec(time) ?? [];
  if (seconds === undefined) return undefined;
  const zone = time.slice(seconds.length + (fraction === "" ? 0 : fraction.length + 1));
  return BigInt(Date.parse(`${seconds}${zone}`)) * 1_000_000n + BigInt(fraction.padEnd(9, "0"));
}
