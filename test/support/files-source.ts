import { spawnSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { createReadStream } from "node:fs";
import {
  chmod,
  lchown,
  link,
  lstat,
  lutimes,
  mkdir,
  mkdtemp,
  open,
  readdir,
  readlink,
  rm,
  symlink,
  truncate,
  writeFile,
} from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A temporary folder that goes away again, whatever rights its content has. */
export async function temporaryFolder(prefix: string): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), prefix));
  return {
    path,
    async [Symbol.asyncDispose]() {
      spawnSync("chmod", ["-R", "u+rwX", path]);
      await rm(path, { recursive: true, force: true });
    },
  };
}

/** A small tree with enough noise in it that its archive is several chunks. */
export async function makePlainTree(root: string): Promise<void> {
  await mkdir(join(root, "folder/deeper"), { recursive: true });
  await writeFile(join(root, "folder/noise.bin"), randomBytes(3 * 1024 * 1024));
  await writeFile(join(root, "folder/deeper/words.txt"), "some words\n".repeat(1_000));
  await writeFile(join(root, "empty"), "");
  await symlink("folder/noise.bin", join(root, "link"));
  await link(join(root, "folder/noise.bin"), join(root, "second-name"));
}

export interface Peculiarities {
  /** What this machine or user cannot have, and why. */
  readonly absent: readonly string[];
}

/** Every kind of entry that a file system can hold. */
export async function makePeculiarTree(root: string): Promise<Peculiarities> {
  const absent: string[] = [];
  const at = (name: string | Buffer) =>
    Buffer.concat([Buffer.from(`${root}/`), typeof name === "string" ? Buffer.from(name) : name]);
  const long = "very-long-name-".repeat(16);
  await mkdir(at("empty folder"));
  await mkdir(at(`${long}/${long}`), { recursive: true });
  await writeFile(at(`${long}/${long}/deep`), "deep");
  await writeFile(at("n".repeat(101)), "longer than the header has room for");
  await writeFile(at("new\nline"), "a newline in the name");
  await writeFile(at(Buffer.from([0x62, 0xff, 0xfe, 0x63])), "no UTF-8");
  await writeFile(at("--checkpoint-action=exec=false"), "a leading dash");
  await writeFile(at("-C"), "an option");
  await writeFile(at(" spaces \t "), "spaces");
  await writeFile(at("back\\slash \\n *?[x]"), "what looks like an escape or a pattern");
  await writeFile(at("Grüße 日本 🙂"), "unicode");
  await writeFile(at("Gru\u0308ße"), "the same letters, composed otherwise");
  await writeFile(at("empty"), "");
  await writeFile(at("one block"), "x".repeat(512));
  await link(at("one block"), at("one block, second name"));
  await link(at("one block"), at("empty folder/third name"));
  await symlink("one block", at("link"));
  await symlink("no/such/place", at("link dangling"));
  await symlink("/etc/hostname", at("link to outside"));
  await symlink("../".repeat(40), at("link upwards"));
  await symlink("x".repeat(300), at("link with a long target"));
  const sparse = await open(at("sparse"), "w");
  await sparse.truncate(1024 ** 3);
  await sparse.write(Buffer.alloc(4096, "data"), 0, 4096, 512 * 1024 ** 2);
  await sparse.close();
  await writeFile(at("only a hole"), "");
  await truncate(at("only a hole"), 5_000_000);
  await writeFile(at("set-user"), "mode");
  await chmod(at("set-user"), 0o6755);
  await mkdir(at("sticky"));
  await chmod(at("sticky"), 0o3777);
  await writeFile(at("no rights"), "mode 0400");
  await chmod(at("no rights"), 0o400);
  if (spawnSync("mkfifo", [join(root, "fifo")]).status !== 0) absent.push("a FIFO: no mkfifo");
  if (process.getuid?.() === 0) {
    const device = spawnSync("mknod", [join(root, "device"), "c", "1", "3"]);
    if (device.status !== 0) absent.push("a device: mknod is refused");
    await lchown(at("empty"), 12_345, 54_321);
    await lchown(at("link dangling"), 12_345, 54_321);
  } else absent.push("a device, foreign owners: not root");
  if (!setAttributes(root)) absent.push("extended attributes and ACLs: no python3, or refused by the file system");
  setTime(root, "one block", "1234567890.123456789");
  setTime(root, "set-user", "4102444800.000000001");
  setTime(root, "empty", "-1.5");
  await lutimes(at("link"), 1_000_000_000.5, 1_000_000_000.5);
  setTime(root, "sticky", "1500000000.987654321");
  return { absent };
}

/** A socket below `root`, for as long as it is not disposed. */
export async function listenAt(path: string): Promise<AsyncDisposable> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => server.once("error", reject).listen(path, resolve));
  return { [Symbol.asyncDispose]: () => new Promise((resolve) => server.close(() => resolve())) };
}

/** Everything about a tree that is to come back, one line an entry, in order. Paths are printed as Latin-1. */
export async function describeTree(root: string): Promise<readonly string[]> {
  const inodes = new Map<string, string>();
  const lines: string[] = [];
  const { attributes, sparse } = readWithPython(root);
  const visit = async (path: Buffer, name: string): Promise<void> => {
    const stats = await lstat(path, { bigint: true });
    const identity = `${stats.dev}:${stats.ino}`;
    const parts = [name, stats.mode.toString(8), `${stats.uid}:${stats.gid}`, `mtime ${stats.mtimeNs}`];
    if (!stats.isDirectory()) parts.push(`links ${stats.nlink}`);
    if (stats.nlink > 1n && !stats.isDirectory()) parts.push(`same as ${inodes.get(identity) ?? "none before"}`);
    inodes.set(identity, name);
    if (stats.isSymbolicLink()) parts.push(`-> ${await readlink(path, "latin1")}`);
    if (stats.isCharacterDevice()) parts.push(`device ${stats.rdev}`);
    if (stats.isFile())
      parts.push(
        `${stats.size} bytes`,
        sparse.get(name) ?? (await digest(path)),
        stats.blocks * 512n < stats.size ? "with holes" : "without holes",
      );
    parts.push(attributes.get(name) ?? "no attributes");
    lines.push(parts.join(" | "));
    if (!stats.isDirectory()) return;
    const entries = await readdir(path, { encoding: "buffer" });
    for (const entry of entries.sort(Buffer.compare))
      await visit(Buffer.concat([path, Buffer.from("/"), entry]), `${name}/${entry.toString("latin1")}`);
  };
  await visit(Buffer.from(root), ".");
  return lines;
}

async function digest(path: Buffer): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path, { highWaterMark: 1024 * 1024 })) hash.update(chunk);
  return hash.digest("hex");
}

/** Node cannot set times to the nanosecond, nor attributes. */
function setTime(root: string, name: string, seconds: string): void {
  const result = spawnSync("touch", ["-d", `@${seconds}`, "--", join(root, name)]);
  if (result.status !== 0) throw new Error(String(result.stderr));
}

function setAttributes(root: string): boolean {
  return python(SET_ATTRIBUTES, root)?.status === 0;
}

interface ReadWithPython {
  readonly attributes: ReadonlyMap<string, string>;
  /** Where the data of sparse files lies and what it is: reading a hole of a gibibyte takes seconds. */
  readonly sparse: ReadonlyMap<string, string>;
}

function readWithPython(root: string): ReadWithPython {
  const result = python(READ, root);
  if (result?.status !== 0) return { attributes: new Map(), sparse: new Map() };
  const { attributes, sparse } = JSON.parse(String(result.stdout));
  return { attributes: new Map(Object.entries(attributes)), sparse: new Map(Object.entries(sparse)) };
}

function python(script: string, root: string) {
  const result = spawnSync("python3", ["-c", script, root], { maxBuffer: 64 * 1024 * 1024 });
  return result.error === undefined ? result : undefined;
}

/** The ACL is in the kernel's form: version 2, then tag, rights and id of each entry; user 12345 may read. */
const SET_ATTRIBUTES = `
import os, struct, sys
at = lambda name: os.path.join(os.fsencode(sys.argv[1]), name)
os.setxattr(at(b"one block"), b"user.comment", b"bytes \\0 and\\n= more")
os.setxattr(at(b"empty folder"), b"user.on-a-folder", b"")
entry = lambda tag, rights, who=0xffffffff: struct.pack("<HHI", tag, rights, who)
acl = struct.pack("<I", 2) + entry(1, 6) + entry(2, 4, 12345) + entry(4, 4) + entry(16, 4) + entry(32, 0)
os.setxattr(at(b"empty"), b"system.posix_acl_access", acl)
os.setxattr(at(b"empty folder"), b"system.posix_acl_default", acl)
if os.getuid() == 0:
    os.setxattr(at(b"set-user"), b"security.capability", struct.pack("<IIIII", 0x02000001, 1 << 13, 0, 0, 0))
    os.setxattr(at(b"one block"), b"trusted.secret", b"for root")
`;
const READ = `
import hashlib, json, os, stat, sys
root = os.fsencode(sys.argv[1])
attributes, sparse = {}, {}
def data(path, size):
    found = hashlib.sha256()
    with open(path, "rb") as file:
        at = 0
        while True:
            try:
                at = os.lseek(file.fileno(), at, os.SEEK_DATA)
            except OSError:
                return "data in a sparse file " + found.hexdigest()
            end = os.lseek(file.fileno(), at, os.SEEK_HOLE)
            os.lseek(file.fileno(), at, os.SEEK_SET)
            found.update(b"%d:" % at + os.read(file.fileno(), end - at))
            at = end
def look(path):
    shown = (b"." + path[len(root):]).decode("latin1")
    names = os.listxattr(path, follow_symlinks=False)
    if names:
        attributes[shown] = " ".join(sorted(n + "=" + os.getxattr(path, n, follow_symlinks=False).hex() for n in names))
    found = os.lstat(path)
    if stat.S_ISREG(found.st_mode) and found.st_size > 1 << 26 and found.st_blocks * 512 < found.st_size >> 4:
        sparse[shown] = data(path, found.st_size)
look(root)
for folder, folders, files in os.walk(root):
    for name in folders + files:
        look(os.path.join(folder, name))
print(json.dumps({"attributes": attributes, "sparse": sparse}))
`;
