import { createHash, type Hash } from "node:crypto";
import { appendFile, open } from "node:fs/promises";
import { CHUNK_BYTES } from "../bytes.ts";
import { printable } from "./named-list.ts";
import { plainPath } from "./tar-path.ts";
import type { TarEntry, TarListener } from "./tar-scan.ts";

/** What an archive holds, a line a member, on disk: memory must not grow with the number of members. */
export interface MemberList extends Required<Pick<TarListener, "entry" | "content" | "entryEnd">> {
  /** To be awaited now and then: writes what has gathered. */
  flush(): Promise<void>;
  close(): Promise<void>;
  readonly file: string;
}

/** Of extended attributes these alone come back from an Engine. */
const ATTRIBUTE = "SCHILY.xattr.security.capability";
const FLUSH_BYTES = 256 * 1024;
const ZEROS = Buffer.alloc(CHUNK_BYTES);

/** The root of the archive, `./`, is left out unless `withRoot`. */
export function createMemberList(file: string, withRoot: () => boolean): MemberList {
  let current: { readonly entry: TarEntry; readonly hash: Hash; position: number } | undefined;
  let lines = "";

  function advance(to: number): void {
    while (current !== undefined && current.position < to) {
      const zeros = ZEROS.subarray(0, Math.min(ZEROS.length, to - current.position));
      current.hash.update(zeros);
      current.position += zeros.length;
    }
  }

  async function write(): Promise<void> {
    const text = lines;
    lines = "";
    await appendFile(file, text, { mode: 0o600 });
  }

  return {
    file,
    entry(entry) {
      current = { entry, hash: createHash("sha256"), position: 0 };
    },
    content(piece, offset) {
      advance(offset);
      current?.hash.update(piece);
      if (current !== undefined) current.position += piece.byteLength;
    },
    entryEnd() {
      if (current === undefined) return;
      const { entry, hash } = current;
      advance(entry.size);
      current = undefined;
      if (isRoot(entry) && !withRoot()) return;
      lines += `${JSON.stringify(describe(entry, hash.digest("hex")))}\n`;
    },
    async flush() {
      if (lines.length > FLUSH_BYTES) await write();
    },
    close: write,
  };
}

export const isRoot = ({ path }: TarEntry): boolean => plainPath(path).length === 0;

/** Paths as Latin-1, since JSON holds no other bytes; times in whole seconds, which is what Engines keep. */
function describe(entry: TarEntry, sha256: string): readonly (string | number)[] {
  const { kind, path, linkPath, mode, uid, gid, mtime, size, device, records } = entry;
  const target = kind === "hardlink" ? plainPath(linkPath).toString("latin1") : linkPath.toString("latin1");
  const attribute = records.get(ATTRIBUTE)?.toString("base64") ?? "";
  const head = [plainPath(path).toString("latin1"), kind, target];
  // A second name of a file is nothing by itself.
  if (kind === "hardlink") return head;
  const rights = kind === "symlink" ? 0 : mode & 0o7777;
  // Engines take times before 1970 for its beginning.
  const seconds = Math.max(0, Math.floor(Number(mtime)));
  return [...head, rights, uid, gid, seconds, size, ...device, attribute, sha256];
}

/** A member that one list has and the other has not, or has otherwise; undefined when they agree in whatever order. */
export async function listDifference(expected: MemberList, found: MemberList): Promise<string | undefined> {
  if ((await sumOf(expected)) === (await sumOf(found))) return undefined;
  // They differ, so there is something to name, and naming may take memory.
  const there = new Set<string>();
  for await (const line of canonicalLines(found.file)) there.add(line);
  const byName = new Map([...there].map((line) => [nameOf(line), line]));
  for await (const line of canonicalLines(expected.file)) {
    if (there.delete(line)) continue;
    const other = byName.get(nameOf(line));
    return other === undefined
      ? `${shown(line)} did not come back`
      : `${shown(line)} came back as ${other}, not ${line}`;
  }
  const [more] = there;
  return more === undefined ? "members came back twice" : `${shown(more)} was not in it`;
}

/** One number for all lines, whose order does not matter. */
async function sumOf({ file }: MemberList): Promise<bigint> {
  let sum = 0n;
  for await (const line of canonicalLines(file))
    sum += BigInt(`0x${createHash("sha256").update(line).digest("hex").slice(0, 48)}`);
  return sum;
}

/**
 * Lines that do not depend on which of a file's names an archive has first: the names of one file stand in one line. Only
 * those of files with several names are held in memory.
 */
async function* canonicalLines(file: string): AsyncGenerator<string> {
  const names = new Map<string, string[]>();
  for await (const line of linesOf(file)) {
    const [path, kind, target] = JSON.parse(line) as string[];
    if (kind === "hardlink" && target !== undefined && path !== undefined)
      names.set(target, [...(names.get(target) ?? []), path]);
  }
  for await (const line of linesOf(file)) {
    const [path = "", kind, ...rest] = JSON.parse(line) as string[];
    if (kind === "hardlink") continue;
    const others = names.get(path);
    names.delete(path);
    yield others === undefined ? line : JSON.stringify([[path, ...others].sort().join("\0"), kind, ...rest]);
  }
  for (const [target, links] of names) yield JSON.stringify([links.join("\0"), "hardlink", target]);
}

const nameOf = (line: string): string => String(JSON.parse(line)[0]);
const shown = (line: string): string => printable(Buffer.from(nameOf(line), "latin1"));

async function* linesOf(file: string): AsyncGenerator<string> {
  const handle = await open(file);
  try {
    yield* handle.readLines({ autoClose: false });
  } finally {
    await handle.close();
  }
}
