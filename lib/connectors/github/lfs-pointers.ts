import { join } from "node:path";
import { type Bytes, lineTexts } from "../../bytes.ts";
import { SourceError } from "../../errors.ts";
import { byteReader } from "../../git/byte-reader.ts";
import type { Conversation } from "../../git/conversation.ts";
import { programFault } from "../../git/fault.ts";
import { isolatedEnvironment } from "../../git/git-program.ts";
import { ProgramFailedError, programOutput, programText } from "../../process.ts";
import { scratchFolder } from "../../scratch.ts";

export interface LfsPointer {
  readonly oid: string;
  readonly size: number;
}

/** A pointer is shorter by rule. https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md */
const POINTER_BYTES = 1024;
/** The version line, a digest and a size of one digit. */
const SHORTEST_POINTER_BYTES = 100;
/** One of today, of the time before its release (hawser), and of its beginnings (git-media): git-lfs reads all of them as the same. */
const VERSION = String.raw`https://git-lfs\.github\.com/spec/v1|https?://hawser\.github\.com/spec/v1|http://git-media\.io/v/2`;
const POINTER = new RegExp(
  String.raw`^version (?:${VERSION})\r?\n(?:ext-[^\n]*\n)*oid sha256:([0-9a-f]{64})\r?\nsize (\d+)\s*$`,
);

/** As git-lfs reads it: the last line may lack its end, and lines may end as on Windows. Undefined for any other file, and for a size that no number holds. */
export function pointerOf(text: string): LfsPointer | undefined {
  const [, oid, size] = POINTER.exec(text) ?? [];
  return oid === undefined || !Number.isSafeInteger(Number(size)) ? undefined : { oid, size: Number(size) };
}

/**
 * Every LFS pointer that any ref reaches, once. Files that are too large to be one are left at the server; the rest goes through git in a private
 * temporary folder, for pointers are mostly stored as differences to other pointers.
 * @throws SourceError | TransientError
 */
export async function lfsPointers(conversation: Conversation, signal: AbortSignal): Promise<readonly LfsPointer[]> {
  const scratch = await scratchFolder("lfs");
  const folder = join(scratch.path, "pointers.git");
  const run = { signal, env: isolatedEnvironment };
  try {
    await programText(
      "git",
      ["init", "--quiet", "--bare", `--object-format=${conversation.listing.objectFormat}`, folder],
      run,
    );
    const pack = conversation.pack({ belowBytes: POINTER_BYTES });
    for await (const _ of programOutput("git", ["-C", folder, "index-pack", "--stdin"], { ...run, stdin: pack }));
    const found = new Map<string, LfsPointer>();
    for await (const text of texts(folder, await smallFiles(folder, signal), signal)) {
      const pointer = pointerOf(text);
      if (pointer !== undefined) found.set(pointer.oid, pointer);
    }
    return [...found.values()];
  } catch (error) {
    throw error instanceof ProgramFailedError ? gitFault(error) : programFault(error, "finding LFS objects");
  } finally {
    await scratch.remove();
  }
}

/** A pack that is damaged git refuses before its last byte shows it. It costs LFS and no other kind. */
function gitFault(error: ProgramFailedError): SourceError {
  const isDamaged = /^fatal: (?:pack |serious inflate)/m.test(error.exit.stderr);
  const code = isDamaged ? "SOURCE_CORRUPT" : "SOURCE_FAILED";
  return new SourceError(code, `finding LFS objects: ${error.message}`, { cause: error });
}

/** Object ids of the files that are short enough, and long enough, to be a pointer. */
async function smallFiles(folder: string, signal: AbortSignal): Promise<readonly string[]> {
  const format = "--batch-check=%(objectname) %(objecttype) %(objectsize)";
  const list = programOutput("git", ["-C", folder, "cat-file", "--batch-all-objects", "--unordered", format], {
    signal,
    env: isolatedEnvironment,
  });
  const small: string[] = [];
  for await (const line of lineTexts(list, POINTER_BYTES)) {
    const [object = "", type, size] = line.split(" ");
    if (type === "blob" && Number(size) < POINTER_BYTES && Number(size) >= SHORTEST_POINTER_BYTES) small.push(object);
  }
  return small;
}

/** The contents of those files. https://git-scm.com/docs/git-cat-file#_batch_output */
async function* texts(folder: string, objects: readonly string[], signal: AbortSignal): AsyncGenerator<string> {
  if (objects.length === 0) return;
  const asked = async function* (): Bytes {
    for (const object of objects) yield Buffer.from(`${object}\n`);
  };
  const reader = byteReader(
    programOutput("git", ["-C", folder, "cat-file", "--batch"], { signal, env: isolatedEnvironment, stdin: asked() }),
  );
  try {
    for (const object of objects) {
      const head = Buffer.from(await reader.line(POINTER_BYTES)).toString("latin1");
      const content = await reader.read(Number(head.split(" ")[2]) + 1);
      if (!head.startsWith(object) || content === undefined)
        throw new SourceError("SOURCE_FAILED", "git cat-file answers with something else");
      yield Buffer.from(content.subarray(0, -1)).toString("latin1");
    }
  } finally {
    await reader.close();
  }
}
