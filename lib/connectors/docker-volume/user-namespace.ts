import type { TarFilter } from "../../tar/tar-filter.ts";
import { rewriteHeader } from "../../tar/tar-rewrite.ts";
import { engineInfo } from "./engine/api.ts";
import type { Engine } from "./engine/engine.ts";

/** Where the numbers of a container's users begin on the machine. */
export interface IdShift {
  readonly uid: number;
  readonly gid: number;
}

/**
 * An Engine with userns-remap gives archives with the machine's numbers and takes those of containers
 * (https://github.com/moby/moby/issues/43698). Its folder is called after where they begin.
 */
export async function hostIdShift(engine: Engine, signal: AbortSignal): Promise<IdShift | undefined> {
  const { SecurityOptions, DockerRootDir } = await engineInfo(engine, signal);
  if (!SecurityOptions.some((option) => option.includes("name=userns"))) return undefined;
  const [, uid, gid] = /\/(\d+)\.(\d+)\/?$/.exec(DockerRootDir) ?? [];
  return uid === undefined || gid === undefined ? undefined : { uid: Number(uid), gid: Number(gid) };
}

/** True where the numbers of users on this machine are not those that containers have, whoever shifts them. */
export async function isShiftedHere(engine: Engine, signal: AbortSignal): Promise<boolean> {
  const { SecurityOptions } = await engineInfo(engine, signal);
  return SecurityOptions.some((option) => /\bname=(?:userns|rootless)\b/.test(option));
}

/** Numbers as containers have them, which any Engine takes. What belongs to nobody in a container stays what it is. */
export function shiftingFilter(shift: IdShift): TarFilter {
  return {
    header(entry, raw) {
      const uid = entry.uid >= shift.uid ? entry.uid - shift.uid : entry.uid;
      const gid = entry.gid >= shift.gid ? entry.gid - shift.gid : entry.gid;
      return rewriteHeader(raw, entry, { uid, gid });
    },
    async *more() {},
  };
}
