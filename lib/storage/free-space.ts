import { statfs } from "node:fs/promises";
import { dirname } from "node:path";

export interface FreeSpace {
  /** For users other than root. */
  readonly bytes: number;
  /** Undefined where the file system has no fixed number of them (btrfs, many network shares). */
  readonly inodes: number | undefined;
}

/** What is left on the file system that holds `path`, or would hold it. */
export async function freeSpace(path: string): Promise<FreeSpace> {
  try {
    const { bavail, bsize, files, ffree } = await statfs(path);
    return { bytes: bavail * bsize, inodes: files === 0 ? undefined : ffree };
  } catch (error) {
    if (dirname(path) === path) throw error;
    return freeSpace(dirname(path));
  }
}

/** `12288 bytes and 3 inodes free` */
export function describeFreeSpace({ bytes, inodes }: FreeSpace): string {
  return inodes === undefined ? `${bytes} bytes free` : `${bytes} bytes and ${inodes} inodes free`;
}
