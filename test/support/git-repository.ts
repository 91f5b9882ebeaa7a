import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { patternBytes } from "./bytes.ts";

/** What git sees here: nobody's configuration, and the same author each time. */
const ENV: NodeJS.ProcessEnv = {
  PATH: process.env.PATH,
  HOME: "/nonexistent",
  LC_ALL: "C",
  GIT_CONFIG_NOSYSTEM: "1",
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_AUTHOR_NAME: "A",
  GIT_AUTHOR_EMAIL: "a@example.org",
  GIT_COMMITTER_NAME: "A",
  GIT_COMMITTER_EMAIL: "a@example.org",
  GIT_AUTHOR_DATE: "1700000000 +0000",
  GIT_COMMITTER_DATE: "1700000000 +0000",
};

/** The standard output of git, one character a byte. */
export function gitSync(folder: string, args: readonly string[], input?: string | Uint8Array): string {
  const stdio: ["pipe", "pipe", "pipe"] = ["pipe", "pipe", "pipe"];
  return execFileSync("git", args, { cwd: folder, env: ENV, input, stdio, maxBuffer: 1 << 28 }).toString("latin1");
}

/** A folder for repositories, removed when disposed. */
export async function aGitFolder(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), "git-test-"));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

export interface RepositoryOptions {
  readonly name?: string;
  readonly objectFormat?: "sha1" | "sha256";
  readonly commits?: number;
  /** Of one file that does not compress, in the first commit. */
  readonly bigFileBytes?: number;
}

/** A bare repository with branches, tags of both kinds, and refs in places of their own. Its path is answered. */
export async function aRepository(folder: string, options: RepositoryOptions = {}): Promise<string> {
  const { name = "app.git", objectFormat = "sha1", commits = 5, bigFileBytes = 0 } = options;
  const path = join(folder, name);
  gitSync(folder, ["init", "--quiet", "--bare", "--initial-branch=main", `--object-format=${objectFormat}`, path]);
  await fastImport(path, history(commits, bigFileBytes));
  gitSync(path, ["update-ref", "refs/heads/feature/ünï'code\"$(x)", "refs/heads/main~1"]);
  gitSync(path, ["update-ref", "refs/pull/7/head", "refs/heads/main~2"]);
  gitSync(path, ["tag", "light", "main~1"]);
  gitSync(path, ["tag", "--annotate", "--message", "the first", "v1", "main"]);
  gitSync(path, ["notes", "add", "--message", "a note", "main"]);
  gitSync(path, ["tag", "a-blob", "main:file-0.txt"]);
  return path;
}

/** Runs `git fast-import`. https://git-scm.com/docs/git-fast-import */
export async function fastImport(path: string, script: Iterable<string | Uint8Array>): Promise<void> {
  const child = spawn("git", ["fast-import", "--quiet"], {
    cwd: path,
    env: ENV,
    stdio: ["pipe", "inherit", "inherit"],
  });
  const closed = once(child, "close");
  await pipeline(Readable.from(script, { objectMode: false }), child.stdin);
  const [code] = await closed;
  if (code !== 0) throw new Error(`git fast-import ended with exit code ${code}`);
}

/** Many refs that all name the newest commit. */
export function manyRefs(path: string, count: number): void {
  const oid = gitSync(path, ["rev-parse", "main"]).trim();
  const lines = Array.from({ length: count }, (_, index) => `create refs/heads/many/${index} ${oid}\n`);
  gitSync(path, ["update-ref", "--stdin"], lines.join(""));
}

/** What `git show-ref` prints: the refs to the byte. */
export const showRef = (path: string): string => gitSync(path, ["show-ref"]);

export const objectCount = (path: string): number =>
  gitSync(path, ["rev-list", "--objects", "--all", "--no-object-names"]).split("\n").filter(Boolean).length;

function* history(commits: number, bigFileBytes: number): Generator<string | Uint8Array> {
  for (let index = 0; index < commits; index += 1) {
    const text = `line ${index}\n`.repeat(20 + index);
    yield `commit refs/heads/main\ncommitter A <a@example.org> ${1_700_000_000 + index} +0000\n${data(`commit ${index}`)}`;
    yield `M 100644 inline file-${index % 3}.txt\n${data(text)}`;
    if (index === 0 && bigFileBytes > 0) {
      yield `M 100644 inline big.bin\ndata ${bigFileBytes}\n`;
      yield noise(bigFileBytes);
      yield "\n";
    }
  }
}

const data = (text: string): string => `data ${Buffer.byteLength(text)}\n${text}\n`;

/** Bytes that do not compress, the same each time. */
function noise(count: number): Uint8Array {
  const bytes = patternBytes(count);
  let state = 0x2545f491;
  for (let index = 0; index < count; index += 1) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    bytes[index] = state & 0xff;
  }
  return bytes;
}
