import type { JsonValue, Unit } from "../connector.ts";
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
  const inside = (path: string, folder: string) =>
    path === folder || path.startsWith(folder === "/" ? "/" : `${folder}/`);
  return mount.Type === "bind" && (inside(mount.Source, source.path) || inside(source.path, mount.Source));
}

export const usersOf = (source: Source, containers: readonly ContainerSummary[]): readonly ContainerSummary[] =>
  containers.filter(({ Mounts }) => Mounts.some((mount) => isMountOf(source, mount)));
