import type { Bytes } from "../../bytes.ts";
import type { Excludes } from "../../tar/exclude.ts";
import type { TarFilter } from "../../tar/tar-filter.ts";
import { plainPath } from "../../tar/tar-path.ts";
import { rewriteHeader } from "../../tar/tar-rewrite.ts";
import { createTarScanner, type TarEntry } from "../../tar/tar-scan.ts";

/** Other names of a file that was left out: the content went with the first name, and these are to stay. */
interface Orphan {
  readonly entry: TarEntry;
  readonly raw: Buffer;
}

export interface ExcludingOptions {
  readonly excludes: Excludes;
  /** The archive of one file of the source alone, by its path in it. Asked for after the source was read. */
  readonly readAlone: (path: Buffer) => Bytes;
  /** Hears the name of a hard link whose file was gone when its turn came. */
  readonly onVanished: (path: Buffer) => void;
}

/** Leaves members out as the walk of a file system would have done, and keeps what is hard-linked from outside. */
export function excludingFilter({ excludes, readAlone, onVanished }: ExcludingOptions): TarFilter {
  const excludedFiles = new Set<string>();
  const orphans = new Map<string, Orphan[]>();
  /** The excluded folder that was met last, with a slash behind: what lies in it comes next, all of it. */
  let folder: string | undefined;

  function isLeft(path: Buffer, isFolder: boolean): boolean {
    const name = path.toString("latin1");
    if (folder !== undefined && name.startsWith(folder)) return true;
    if (name === "" || !excludes(path, isFolder)) return false;
    if (isFolder) folder = `${name}/`;
    return true;
  }

  return {
    header(entry, raw) {
      const path = plainPath(entry.path);
      const left = isLeft(path, entry.kind === "directory");
      const target = plainPath(entry.linkPath).toString("latin1");
      if (entry.kind === "hardlink" && excludedFiles.has(target)) {
        if (!left) orphans.set(target, [...(orphans.get(target) ?? []), { entry, raw }]);
        return undefined;
      }
      if (left && entry.kind !== "directory") excludedFiles.add(path.toString("latin1"));
      return left ? undefined : raw;
    },
    async *more() {
      for (const group of orphans.values()) yield* adopted(group, readAlone, onVanished);
    },
  };
}

/** The first name that is still there becomes the file, and the others links to it. */
async function* adopted(
  group: readonly Orphan[],
  readAlone: ExcludingOptions["readAlone"],
  onVanished: ExcludingOptions["onVanished"],
): Bytes {
  let first: TarEntry | undefined;
  for (const { entry, raw } of group) {
    if (first !== undefined) {
      yield rewriteHeader(raw, entry, { linkPath: first.path });
      continue;
    }
    let found = false;
    for await (const piece of renamed(readAlone(plainPath(entry.path)), entry.path)) {
      found = true;
      yield piece;
    }
    if (found) first = entry;
    else onVanished(entry.path);
  }
}

/** The only member of an archive, under another name and without the end mark. */
async function* renamed(archive: Bytes, path: Buffer): Bytes {
  let headers: Buffer[] = [];
  let pieces: Uint8Array[] = [];
  const scanner = createTarScanner({
    raw(piece, part) {
      if (part === "header") headers.push(Buffer.from(piece));
      else if (part === "content") pieces.push(Buffer.from(piece));
    },
    entry(entry) {
      pieces.push(rewriteHeader(Buffer.concat(headers), entry, { path }));
      headers = [];
    },
  });
  for await (const chunk of archive) {
    scanner.write(chunk);
    yield* pieces;
    pieces = [];
  }
  scanner.end();
}
