import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  chmod,
  mkdir,
  opendir,
  readdir,
  readFile,
  rename,
  symlink,
  truncate,
  unlink,
  writeFile,
} from "node:fs/promises";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { bytesOf, readAll } from "../../lib/bytes.ts";
import { filesystem } from "../../lib/connectors/filesystem/filesystem.ts";
import { ConfigError, RefusedError, SourceError } from "../../lib/errors.ts";
import { type Collected, collectAll, connect, connectorContract, context, never } from "../contract/connector.ts";
import { oddPieces } from "../support/bytes.ts";
import { describeTree, listenAt, makePeculiarTree, makePlainTree, temporaryFolder } from "../support/files-source.ts";

connectorContract("filesystem", {
  kind: filesystem,
  sameBytes: true,
  // Every other byte may be content, which a tar archive does not guard: the manifest's digest does.
  flipAt: () => 0,
  async make() {
    const base = await temporaryFolder("filesystem-contract-");
    const root = join(base.path, "tree");
    await mkdir(root);
    await makePlainTree(root);
    return {
      options: { paths: root },
      vanish: () => rename(root, join(base.path, "elsewhere")),
      async assertRestored(_unit, _item, folder, paths) {
        assert.deepEqual(paths, ["files"]);
        assert.deepEqual(await describeTree(join(folder, "files")), await describeTree(root));
        assert.deepEqual(await readFile(join(folder, "files/empty"), "utf8"), "");
      },
      [Symbol.asyncDispose]: () => base[Symbol.asyncDispose](),
    };
  },
});

test("every kind of entry comes back as it was, through tar alone and through restore, and is proved", async (t) => {
  await using base = await temporaryFolder("filesystem-entries-");
  const root = join(base.path, "tree");
  await mkdir(root);
  const { absent } = await makePeculiarTree(root);
  for (const what of absent) t.diagnostic(`not on this machine: ${what}`);
  const before = await describeTree(root);
  const { connector, collected, warnings } = await collectPath({ paths: root });
  assert.deepEqual(warnings, []);

  const { item, artifact, bytes } = only(collected);
  assert.ok(bytes.byteLength < 1024 * 1024, `holes were stored: ${bytes.byteLength} bytes`);
  const kinds = before.map((line) => line.split(" | ")[1] ?? "").map((mode) => Number.parseInt(mode, 8) & 0o170000);
  const entries = kinds.length;
  const facts = artifact.facts;
  assert.equal(facts.entries, entries);
  assert.equal(facts.directories, kinds.filter((kind) => kind === 0o040000).length);
  assert.equal(facts.symlinks, kinds.filter((kind) => kind === 0o120000).length);
  assert.equal(facts.hardlinks, 2);
  assert.equal(facts.other, kinds.filter((kind) => kind === 0o010000 || kind === 0o020000).length);

  const byHand = join(base.path, "by hand");
  await mkdir(byHand);
  await writeFile(join(base.path, "files.tar"), bytes);
  const command = `cd '${byHand}' && ${item.restore.replace("{}", "../files.tar")}`;
  const { status, stderr } = spawnSync("sh", ["-c", command], { encoding: "utf8" });
  assert.equal(status, 0, stderr);
  assert.deepEqual(await describeTree(byHand), before);

  const folder = join(base.path, "restored");
  await mkdir(folder);
  assert.deepEqual(await filesystem.restore(artifact, oddPieces(bytes), folder, never()), ["files"]);
  assert.deepEqual(await describeTree(join(folder, "files")), before);

  const list = await connector.prove(artifact, oddPieces(bytes), { full: false, signal: never() });
  assert.deepEqual(list, { level: "read", detail: `${entries} entries listed by tar` });
  const full = await connector.prove(artifact, oddPieces(bytes), { full: true, signal: never() });
  assert.deepEqual(full, { level: "full", detail: `${entries} entries extracted by tar and compared by hash` });
});

test("a reader without rights stores the rest, then fails naming what is missing", async () => {
  await using base = await temporaryFolder("filesystem-rights-");
  const root = join(base.path, "tree");
  await mkdir(join(root, "shut"), { recursive: true });
  await writeFile(join(root, "open"), "readable");
  await writeFile(join(root, "secret"), "not for you");
  await writeFile(join(root, "shut/inside"), "nor this");
  await chmod(join(root, "secret"), 0);
  await chmod(join(root, "shut"), 0);
  await chmod(base.path, 0o755);
  const collected: Collected[] = [];
  const failure = await asNobody(async () => {
    const connector = await connect({ kind: filesystem }, { paths: root });
    try {
      const unit = only(await Array.fromAsync(connector.units(never())));
      for await (const item of connector.collect(unit, context())) {
        const bytes = await readAll(item.open(), 1024 * 1024);
        collected.push({
          item,
          bytes,
          artifact: { path: "u/files.tar", contentType: item.contentType, facts: item.facts?.() ?? {} },
        });
      }
    } catch (error) {
      return error;
    }
    return undefined;
  });
  assert.ok(failure instanceof SourceError);
  assert.equal(failure.code, "SOURCE_INCOMPLETE");
  assert.match(failure.message, /: 2 entries could not be read, the rest is stored: /);
  assert.match(failure.message, /\.\/secret \(Permission denied\)/);
  assert.match(failure.message, /\.\/shut \(EACCES: permission denied\)/);
  const { artifact } = only(collected);
  assert.deepEqual(artifact.facts, {
    entries: 2,
    files: 1,
    directories: 1,
    symlinks: 0,
    hardlinks: 0,
    other: 0,
    bytes: 8,
  });
});

test("thousands of unreadable files are all counted, and a few are named", async () => {
  await using base = await temporaryFolder("filesystem-many-");
  const root = join(base.path, "tree");
  await mkdir(root);
  const long = "unreadable ".repeat(8);
  for (let index = 0; index < 1_500; index += 1) await writeFile(join(root, `${long}${index}`), "secret", { mode: 0 });
  await chmod(base.path, 0o755);
  const failure = await asNobody(() => collectPath({ paths: root }).catch((error: unknown) => error));
  assert.ok(failure instanceof SourceError);
  assert.match(failure.message, /: 1500 entries could not be read, the rest is stored: .* and 1480 more$/);
  assert.ok(failure.message.length < 10_000);
});

test("a tar that is killed while it reads fails the stream, with no retry of ours and no facts", async () => {
  await using base = await temporaryFolder("filesystem-killed-");
  const root = join(base.path, "tree");
  await mkdir(root);
  await writeFile(join(root, "large"), Buffer.alloc(32 * 1024 * 1024, "data"));
  const connector = await connect({ kind: filesystem }, { paths: root });
  const unit = only(await Array.fromAsync(connector.units(never())));
  for await (const item of connector.collect(unit, context())) {
    let killed = false;
    const reading = async () => {
      for await (const _chunk of item.open()) {
        if (!killed) killed = spawnSync("pkill", ["-KILL", "-P", String(process.pid), "-x", "tar"]).status === 0;
      }
    };
    await assert.rejects(
      reading(),
      (error) =>
        error instanceof SourceError && error.code === "SOURCE_FAILED" && /ended by SIGKILL/.test(error.message),
    );
    assert.equal(killed, true);
    assert.throws(() => item.facts?.());
    break;
  }
});

test("a folder that is replaced while it is read is not passed off as whole", async () => {
  await using base = await temporaryFolder("filesystem-replaced-");
  const root = join(base.path, "tree");
  await mkdir(root);
  await writeFile(join(root, "large"), Buffer.alloc(32 * 1024 * 1024, "data"));
  const connector = await connect({ kind: filesystem }, { paths: root });
  const unit = only(await Array.fromAsync(connector.units(never())));
  let replaced = false;
  const reading = async () => {
    for await (const item of connector.collect(unit, context())) {
      for await (const _chunk of item.open()) {
        if (replaced) continue;
        replaced = true;
        await rename(root, join(base.path, "aside"));
        await mkdir(root);
      }
    }
  };
  await assert.rejects(
    reading(),
    (error) => error instanceof SourceError && /not the same folder any more/.test(error.message),
  );
});

test("a folder that may not be listed fails, and nothing is stored", async () => {
  await using base = await temporaryFolder("filesystem-shut-");
  await chmod(base.path, 0o711);
  const root = join(base.path, "tree");
  await mkdir(root, { mode: 0o711 });
  const failure = await asNobody(() => collectPath({ paths: root }).catch((error: unknown) => error));
  assert.ok(failure instanceof SourceError);
  assert.equal(failure.code, "SOURCE_FORBIDDEN", failure.message);
});

test("files that change, shrink and vanish while they are read are warnings with their names", async () => {
  await using base = await temporaryFolder("filesystem-changing-");
  const root = join(base.path, "tree");
  await mkdir(root);
  const names = Array.from({ length: 12 }, (_, index) => `file ${index}`);
  for (const name of names) await writeFile(join(root, name), Buffer.alloc(4 * 1024 * 1024, name));
  const connector = await connect({ kind: filesystem }, { paths: root });
  const unit = only(await Array.fromAsync(connector.units(never())));
  const given = context();
  for await (const item of connector.collect(unit, given)) {
    let disturbed = false;
    for await (const _chunk of item.open()) {
      // Nobody reads meanwhile, so tar stands still in the first file: its pipe is full.
      if (!disturbed) await disturb(root);
      disturbed = true;
    }
    assert.equal(item.facts?.()?.files, 11);
  }
  assert.deepEqual(given.warnings.map(({ code }) => code).sort(), ["FILE_CHANGED", "FILE_VANISHED"]);
  assert.match(
    given.warnings.find(({ code }) => code === "FILE_CHANGED")?.message ?? "",
    /^\.\/file \d+ changed while it was read/,
  );
  assert.match(
    given.warnings.find(({ code }) => code === "FILE_VANISHED")?.message ?? "",
    /^\.\/file \d+ was gone before it could be read$/,
  );
});

/** The first file in the folder's order is what tar is in; the last is not yet reached. */
async function disturb(root: string): Promise<void> {
  const entries: string[] = [];
  for await (const entry of await opendir(root)) entries.push(entry.name);
  await truncate(join(root, entries[0] ?? ""), 1_000);
  await unlink(join(root, entries.at(-1) ?? ""));
}

test("a socket is skipped with a warning", async () => {
  await using base = await temporaryFolder("filesystem-socket-");
  const root = join(base.path, "tree");
  await mkdir(root);
  await using _ = await listenAt(join(root, "socket"));
  const { collected, warnings } = await collectPath({ paths: root });
  assert.deepEqual(warnings, [
    { code: "SOCKET_SKIPPED", message: "./socket is a socket, of which there is nothing to store" },
  ]);
  assert.equal(only(collected).artifact.facts.entries, 1);
});

test("what is excluded is left out, and an excluded folder is not entered", async () => {
  await using base = await temporaryFolder("filesystem-exclude-");
  const root = join(base.path, "tree");
  await makeFiles(root, [
    "a.log",
    "A.LOG",
    "keep.log",
    "src/b.log",
    "src/b.ts",
    "node_modules/x/index.ts",
    "build/out",
    "src/build/out",
  ]);
  const found = await namesOf({ paths: root, exclude: ["*.log", "!keep.log", "node_modules/", "/build"] });
  assert.deepEqual(found, [".", "A.LOG", "keep.log", "src", "src/b.ts", "src/build", "src/build/out"]);
});

test("links are kept, or followed when that is asked for, circles and dangling ones named", async () => {
  await using base = await temporaryFolder("filesystem-links-");
  const root = join(base.path, "tree");
  await makeFiles(root, ["real/inside"]);
  await makeFiles(join(base.path, "outside"), ["file"]);
  await symlink("../outside", join(root, "out"));
  await symlink("..", join(root, "real/up"));
  await symlink("nowhere", join(root, "dangling"));
  assert.deepEqual(await namesOf({ paths: root }), [".", "dangling", "out", "real", "real/inside", "real/up"]);
  const { collected, warnings } = await collectPath({ paths: root, follow_symlinks: true });
  assert.deepEqual(listed(only(collected).bytes), [".", "out", "out/file", "real", "real/inside", "real/up"]);
  assert.deepEqual(warnings.map(({ message }) => message).sort(), [
    "./dangling (leads nowhere) was not followed",
    "./real/up (leads in a circle) was not followed",
  ]);
  assert.equal(only(collected).artifact.facts.symlinks, 0);
});

test("what is mounted below a path is entered only when it may leave its file system", async (t) => {
  await using base = await temporaryFolder("filesystem-mount-");
  const root = join(base.path, "tree");
  await makeFiles(root, ["here", "mounted/hidden below"]);
  if (spawnSync("mount", ["-t", "tmpfs", "tmpfs", join(root, "mounted")]).status !== 0)
    return t.skip("mounting is refused here");
  try {
    await writeFile(join(root, "mounted/there"), "on another file system");
    assert.deepEqual(await namesOf({ paths: root }), [".", "here", "mounted", "mounted/there"]);
    assert.deepEqual(await namesOf({ paths: root, one_file_system: true }), [".", "here", "mounted"]);
  } finally {
    spawnSync("umount", [join(root, "mounted")]);
  }
});

test("a path to a file gives that file, and a path that is a link what it leads to", async () => {
  await using base = await temporaryFolder("filesystem-single-");
  await makeFiles(base.path, ["-odd name", "tree/inside"]);
  await symlink("-odd name", join(base.path, "link"));
  await symlink("tree", join(base.path, "folder-link"));
  assert.deepEqual(await namesOf({ paths: join(base.path, "-odd name") }), ["-odd name"]);
  const { collected } = await collectPath({ paths: join(base.path, "link") });
  assert.deepEqual(listed(only(collected).bytes), ["link"]);
  assert.equal(only(collected).artifact.facts.files, 1);
  assert.deepEqual(await namesOf({ paths: join(base.path, "folder-link") }), [".", "inside"]);
});

test("a path or glob that finds nothing is a unit that fails", async () => {
  for (const paths of ["/no/such/place", "/no/such/*/place"]) {
    const connector = await connect({ kind: filesystem }, { paths });
    await connector.prepare(never());
    const unit = only(await Array.fromAsync(connector.units(never())));
    assert.equal(unit.id, paths);
    await assert.rejects(
      collectAll(connector, unit),
      (error) => error instanceof SourceError && error.code === "SOURCE_NOT_FOUND",
    );
  }
});

test("a PATH without GNU tar is said before anything is read", async () => {
  await using base = await temporaryFolder("filesystem-no-tar-");
  const before = process.env.PATH;
  const connector = await connect({ kind: filesystem }, { paths: "/" });
  try {
    process.env.PATH = base.path;
    await assert.rejects(
      connector.prepare(never()),
      (error) => error instanceof ConfigError && /there is no tar on the PATH/.test(error.message),
    );
    await writeFile(join(base.path, "tar"), "#!/bin/sh\necho 'bsdtar 3.7.2 - libarchive 3.7.2'\n", { mode: 0o755 });
    await assert.rejects(
      connector.prepare(never()),
      (error) => error instanceof ConfigError && /is bsdtar 3.7.2/.test(error.message),
    );
    const plain = new Uint8Array(1024);
    const facts = { entries: 0, files: 0, directories: 0, symlinks: 0, hardlinks: 0, other: 0, bytes: 0 };
    let told = false;
    const onlyRead = () => {
      told = true;
    };
    const proof = await connector.prove(
      { path: "u/files.tar", contentType: "application/x-tar", facts },
      bytesOf(plain),
      { full: true, signal: never(), onlyRead },
    );
    assert.deepEqual([proof.level, told], ["read", true]);
    assert.match(proof.detail, /GNU tar is not installed here/);
  } finally {
    process.env.PATH = before;
  }
});

for (const [what, script] of Object.entries({
  "a member with an absolute path": "entry(base + '/escaped', b'x')",
  "a member with .. in its path": "entry('./ok', b'x'); entry('a/../../escaped', b'x')",
  "a member that goes through a link to outside": "link('./way', '..'); entry('./way/escaped', b'x')",
  "a member that goes through a second name of such a link":
    "link('./way', base); hard('./other', './way'); entry('./other/escaped', b'x')",
  "a hard link to outside": "hard('./own', '../../secret')",
})) {
  test(`${what} is refused by name, and nothing leaves the folder`, async (t) => {
    await using base = await temporaryFolder("filesystem-escape-");
    const crafting = `${CRAFT}base = sys.argv[1]\n${script}\narchive.close()`;
    const made = spawnSync("python3", ["-c", crafting, base.path], { maxBuffer: 1024 * 1024 });
    if (made.error !== undefined) return t.skip("no python3 to make such an archive with");
    assert.equal(made.status, 0, String(made.stderr));
    const folder = join(base.path, "folder");
    await mkdir(folder);
    const artifact = { path: "u/files.tar", contentType: "application/x-tar", facts: {} };
    await assert.rejects(
      filesystem.restore(artifact, bytesOf(made.stdout), folder, never()),
      (error) => error instanceof RefusedError && /its member /.test(error.message),
    );
    assert.deepEqual(
      (await readdir(base.path, { recursive: true })).filter((name) => name.includes("escaped")),
      [],
    );
  });
}

const CRAFT = `
import io, sys, tarfile
archive = tarfile.open(fileobj=sys.stdout.buffer, mode="w|", format=tarfile.PAX_FORMAT)
def entry(name, content):
    info = tarfile.TarInfo(name)
    info.size = len(content)
    archive.addfile(info, io.BytesIO(content))
def link(name, target, kind=tarfile.SYMTYPE):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    archive.addfile(info)
def hard(name, target):
    link(name, target, tarfile.LNKTYPE)
`;

async function collectPath(options: unknown) {
  const connector = await connect({ kind: filesystem }, options);
  await connector.prepare(never());
  const given = context();
  const collected = await collectAll(connector, only(await Array.fromAsync(connector.units(never()))), given);
  return { connector, collected, warnings: given.warnings };
}

/** What is in the archive, as the real tar lists it, without the `./` and in order. */
async function namesOf(options: unknown): Promise<readonly string[]> {
  const { collected, warnings } = await collectPath(options);
  assert.deepEqual(warnings, []);
  return listed(only(collected).bytes);
}

function listed(archive: Uint8Array): readonly string[] {
  const result = spawnSync("tar", ["--list", "--file=-"], { input: archive, encoding: "utf8" });
  assert.equal(result.status, 0, result.stderr);
  const names = result.stdout.split("\n").filter((name) => name !== "");
  return names.map((name) => name.replace(/^\.\//, "").replace(/\/$/, "") || ".").sort();
}

async function makeFiles(root: string, names: readonly string[]): Promise<void> {
  for (const name of names) {
    await mkdir(dirname(join(root, name)), { recursive: true });
    await writeFile(join(root, name), `content of ${name}`);
  }
}

/** Root may read everything, so the rights are put away for a while; children get none back. */
async function asNobody<T>(work: () => Promise<T>): Promise<T> {
  if (process.getuid?.() !== 0) return work();
  process.seteuid?.(65_534);
  try {
    return await work();
  } finally {
    process.seteuid?.(0);
  }
}

function only<T>(list: readonly T[]): T {
  assert.equal(list.length, 1);
  return list[0] as T;
}
