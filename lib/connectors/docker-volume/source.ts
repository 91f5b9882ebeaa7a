import type { JsonValue, Unit } from "../connector.ts";
import { findVolume } from "./engine/api.ts";
import type { Engine } from "./engine/engine.ts";
import type { ContainerSummary, Mount } from "./engine/shapes.ts";

/** What one unit is a copy of. */
export type Source =
  | { readonly kind: "volume"; readonly name: string }
  | { readonly kind: "bind"; readonly path: string };

export function sourceInput(source: Source): { readonly [key: string]: JsonValue } {
  return source.kind === "volume" ? { volume: source.name } : { bind_mount: source.path };
}

/** Undefined for a unit that stands for something which was not found. */
export function sourceOf({ input }: Unit): Source | undefined {
  if (typeof input.volume === "string") return { kind: "volume", name: input.volume };
  if (typeof input.bind_mount === "string") return { kind: "bind", path: input.bind_mount };
  return undefined;
}

/** Why there is no source. */
export const problemOf = ({ id, input }: Unit): string =>
  typeof input.problem === "string" ? input.problem : `the unit ${id} names no source`;

/** For messages. */
export const sourceName = (source: Source): string =>
  source.kind === "volume" ? `the volume ${source.name}` : source.path;

/** Whether a container's mount shows the source, or a part of it, or it as a part of something. */
export function isMountOf(source: Source, mount: Mount): boolean {
  if (source.kind === "volume") return mount.Type === "volume" && mount.Name === source.name;
  return mount.Type === "bind" && overlap(source.path, mount.Source);
}

/**
 * Whether a container may write to the source by this mount. `folder` is where the Engine keeps a volume: who has that, or a
 * folder around it, as a bind mount has the volume too.
 */
export function writesBy(source: Source, folder: string | undefined, mount: Mount): boolean {
  if (!mount.RW) return false;
  return isMountOf(source, mount) || (mount.Type === "bind" && folder !== undefined && overlap(folder, mount.Source));
}

/** Where the Engine keeps a volume on its machine; undefined for what is none, and where it does not say. */
export async function folderOf(engine: Engine, source: Source, signal: AbortSignal): Promise<string | undefined> {
  if (source.kind !== "volume") return undefined;
  const volume = await findVolume(engine, source.name, signal);
  return volume === undefined || volume.Mountpoint === "" ? undefined : volume.Mountpoint;
}

const overlap = (one: string, other: string): boolean => isInside(one, other) || isInside(other, one);

const isInside = (path: string, folder: string): boolean =>
  path === folder || path.startsWith(folder.endsWith("/") ? folder : `${folder}/`);

export const usersOf = (source: Source, containers: readonly ContainerSummary[]): readonly ContainerSummary[] =>
  containers.filter(({ Mounts }) => Mounts.some((mount) => isMountOf(source, mount)));
