import { readFile, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { onFile } from "./file-error.ts";

/** A mounted file system, as proc_pid_mountinfo(5) has it. */
export interface Mount {
  readonly mountPoint: string;
  /** `8:1`. Equal for two mounts of one file system. */
  readonly device: string;
  /** `ext4`, `nfs4`, `overlay` … */
  readonly type: string;
  /** `/dev/sda1`, `server:/export` … */
  readonly source: string;
}

/** What is mounted, in the order of mounting. Undefined on systems without /proc. */
export async function readMounts(): Promise<readonly Mount[] | undefined> {
  try {
    return parseMounts(await readFile("/proc/self/mountinfo", "utf8"));
  } catch {
    return undefined;
  }
}

/** `36 35 98:0 /root /mnt/point rw,noatime master:1 - ext4 /dev/root rw`, one a line; spaces in names are `\040`. */
export function parseMounts(text: string): Mount[] {
  return text.split("\n").flatMap((line) => {
    const [before = "", after = ""] = line.split(" - ");
    const [, , device, , mountPoint] = before.split(" ");
    const [type, source] = after.split(" ");
    if (device === undefined || mountPoint === undefined || type === undefined || source === undefined) return [];
    return [{ mountPoint: withoutEscapes(mountPoint), device, type, source: withoutEscapes(source) }];
  });
}

/** The mount that holds the absolute `path`: the longest mount point above it, and of several there the last. */
function mountHolding(mounts: readonly Mount[], path: string): Mount | undefined {
  let holding: Mount | undefined;
  for (const mount of mounts) {
    const inside = mount.mountPoint === "/" || path === mount.mountPoint || path.startsWith(`${mount.mountPoint}/`);
    if (inside && mount.mountPoint.length >= (holding?.mountPoint.length ?? 0)) holding = mount;
  }
  return holding;
}

/** Why nothing counts as mounted at the absolute, real `path`, or undefined when something is. */
export function whyNotMounted(mounts: readonly Mount[], path: string): string | undefined {
  const holding = mountHolding(mounts, path);
  const root = mountHolding(mounts, "/");
  if (holding === undefined || root === undefined) return "the system lists no mount that holds it";
  // A folder of the root disk that is bound elsewhere is a mount point, and still the root disk.
  if (holding.mountPoint === "/" || holding.device === root.device)
    return `it lies on the root file system (${describe(holding)})`;
  if (holding.type === "autofs") return `the automounter has mounted nothing there (${describe(holding)})`;
  return undefined;
}

/** `path`, or the nearest folder above it that exists; an automounter mounts it as it is looked at. */
export async function nearestExisting(path: string): Promise<{ readonly path: string; readonly device: bigint }> {
  try {
    return { path, device: (await stat(path, { bigint: true })).dev };
  } catch (error) {
    const missing = error instanceof Error && "code" in error && error.code === "ENOENT";
    if (missing && dirname(path) !== path) return nearestExisting(dirname(path));
    return onFile("looking for the storage's mount point", path, Promise.reject(error));
  }
}

const describe = ({ type, source, mountPoint }: Mount): string => `${type} ${source} on ${mountPoint}`;

function withoutEscapes(text: string): string {
  return text.replaceAll(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}
