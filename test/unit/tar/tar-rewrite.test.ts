import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { link, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { bytesOf, readAll } from "../../../lib/bytes.ts";
import { filterTar, type TarFilter } from "../../../lib/tar/tar-filter.ts";
import { TarFormatError } from "../../../lib/tar/tar-header.ts";
import { plainPath } from "../../../lib/tar/tar-path.ts";
import { rewriteHeader } from "../../../lib/tar/tar-rewrite.ts";
import { createTarScanner, type TarEntry } from "../../../lib/tar/tar-scan.ts";
import { oddPieces } from "../../support/bytes.ts";
import { temporaryFolder } from "../../support/files-source.ts";

const keepAll: TarFilter = { header: (_, raw) => raw, async *more() {} };

async function anArchive(): Promise<Buffer> {
  await using base = await temporaryFolder("tar-rewrite-");
  const root = join(base.path, "tree");
  await mkdir(join(root, "d".repeat(120)), { recursive: true });
  await writeFile(join(root, "d".repeat(120), "deep"), "deep content");
  await writeFile(join(root, "a"), "x".repeat(700));
  await link(join(root, "a"), join(root, "b"));
  await writeFile(Buffer.concat([Buffer.from(`${root}/`), Buffer.from([0x6e, 0xff])]), "no UTF-8");
  return execFileSync("tar", ["--format=posix", "--sort=name", "-C", root, "-cf", "-", "."]);
}

const filtered = async (archive: Uint8Array, filter: TarFilter) =>
  Buffer.from(await readAll(filterTar(oddPieces(archive), filter), 10_000_000));

function entriesOf(archive: Uint8Array): readonly TarEntry[] {
  const entries: TarEntry[] = [];
  const scanner = createTarScanner({ entry: (entry) => entries.push(entry) });
  scanner.write(archive);
  scanner.end();
  return entries;
}

const list = (archive: Buffer) =>
  execFileSync("tar", ["--numeric-owner", "--quoting-style=escape", "-tvf", "-"], { input: archive, encoding: "utf8" });

test("an archive that is filtered by nothing holds the same for tar, in pieces of any size", async () => {
  const archive = await anArchive();
  assert.equal(list(await filtered(archive, keepAll)), list(archive));
});

test("members that are left out leave no trace, and those around them stay whole", async () => {
  const archive = await anArchive();
  const without = await filtered(archive, {
    header: (entry, raw) =>
      plainPath(entry.path).toString("latin1") === "a" || entry.kind === "hardlink" ? undefined : raw,
    async *more() {},
  });
  assert.doesNotMatch(list(without), / \.\/[ab]$/m);
  const deep = `./${"d".repeat(120)}/deep`;
  assert.equal(execFileSync("tar", ["-xOf", "-", deep], { input: without, encoding: "utf8" }), "deep content");
});

test("renamed and given to others, members keep all else, large numbers and names of any bytes included", async () => {
  const archive = await anArchive();
  const prefix = Buffer.from("p/");
  const changed = await filtered(archive, {
    header: (entry, raw) =>
      rewriteHeader(raw, entry, {
        path: Buffer.concat([prefix, plainPath(entry.path)]),
        ...(entry.kind === "hardlink" && { linkPath: Buffer.concat([prefix, plainPath(entry.linkPath)]) }),
        uid: 4_000_000,
        gid: 7,
      }),
    async *more() {},
  });
  const lines = list(changed).trim().split("\n");
  assert.ok(
    lines.every((line) => line.includes("4000000/7")),
    lines.join("\n"),
  );
  assert.match(lines.join("\n"), / p\/b link to p\/a/);
  assert.match(lines.join("\n"), / p\/n\\377$/m);
  const before = entriesOf(archive);
  assert.deepEqual(
    entriesOf(changed).map(({ mode, size, mtime, kind }) => ({ mode, size, mtime, kind })),
    before.map(({ mode, size, mtime, kind }) => ({ mode, size, mtime, kind })),
  );
});

test("a source that is cut short never becomes a whole archive", async () => {
  const archive = await anArchive();
  for (const length of [0, 512, 1_000, archive.indexOf(Buffer.alloc(1_024)) + 512])
    await assert.rejects(filtered(archive.subarray(0, length), keepAll), TarFormatError);
});

test("members can be added behind the last one", async () => {
  const archive = await anArchive();
  let added: Buffer = Buffer.alloc(0);
  const more = await filtered(archive, {
    header(entry, raw) {
      if (entry.kind === "directory" && added.length === 0)
        added = rewriteHeader(raw, entry, { path: Buffer.from("added/") });
      return raw;
    },
    more: () => bytesOf(added),
  });
  assert.match(list(more).trim().split("\n").at(-1) ?? "", / added\/$/);
});
