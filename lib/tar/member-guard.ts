import { RefusedError } from "../errors.ts";
import { printable } from "./named-list.ts";
import type { TarEntry } from "./tar-scan.ts";

/**
 * Looks at each member before tar gets it, and refuses one that would leave the folder: an absolute path, a `..`, or
 * a way through a link that leads out. Such links by themselves are kept, as they were. Holds the paths of those links.
 * @throws RefusedError naming the member
 */
export function createMemberGuard(artifact: string): (entry: TarEntry) => void {
  /** Links with an absolute target or a `..` in it: only through these can one get out. */
  const leadingOut = new Set<string>();

  function refuse(entry: TarEntry, what: string): never {
    throw new RefusedError(`${artifact} is not restored: its member ${printable(entry.path)} ${what}`);
  }

  function checkPath(entry: TarEntry, path: Buffer, subject: string): string {
    const parts = partsOf(path);
    if (path[0] === 0x2f || parts.includes("..")) refuse(entry, `${subject} outside of the folder`);
    for (let depth = 1; depth < parts.length; depth += 1) {
      if (leadingOut.has(parts.slice(0, depth).join("/")))
        refuse(entry, `${subject} through a link that leads out of the folder`);
    }
    return parts.join("/");
  }

  return (entry) => {
    const path = checkPath(entry, entry.path, "would be written");
    if (entry.kind === "symlink" && (entry.linkPath[0] === 0x2f || partsOf(entry.linkPath).includes("..")))
      leadingOut.add(path);
    if (entry.kind !== "hardlink") return;
    const target = checkPath(entry, entry.linkPath, "would be a link to a place");
    // A second name of a link is that link.
    if (leadingOut.has(target)) leadingOut.add(path);
  };
}

function partsOf(path: Buffer): string[] {
  return path
    .toString("latin1")
    .split("/")
    .filter((part) => part !== "" && part !== ".");
}
