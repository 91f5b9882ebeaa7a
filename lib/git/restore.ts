import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { Bytes } from "../bytes.ts";
import type { ProvenArtifact } from "../connectors/connector.ts";
import { IntegrityError, SourceError } from "../errors.ts";
import { ProgramFailedError, programOutput, programText } from "../process.ts";
import { openBundle } from "./bundle.ts";
import { factsOfBundle, isAboutTheBundle } from "./bundle-facts.ts";
import type { ByteReader } from "./byte-reader.ts";
import { gitIsInstalled, isolatedEnvironment } from "./git-program.ts";
import type { Listing } from "./refs.ts";

/**
 * A bare repository with all refs and HEAD where it was, and without the `remote` that a mirror clone would have. The
 * pack goes to git as it is read, so nothing lies on disk twice; refs are made only when all of it was read and is right.
 * @throws SourceError `SOURCE_FAILED` without git; IntegrityError when git cannot read the bundle. Nothing is left then.
 */
export async function restoreBundle(
  artifact: ProvenArtifact,
  bytes: Bytes,
  folder: string,
  signal: AbortSignal,
): Promise<readonly string[]> {
  if (!(await gitIsInstalled(signal))) {
    throw new SourceError(
      "SOURCE_FAILED",
      `restoring ${artifact.path} needs git, which is not installed here; elsewhere, git clone --mirror does it`,
    );
  }
  const { head, objectFormat } = factsOfBundle(artifact);
  const name = folderOf(artifact);
  const path = join(folder, name);
  let pack: ByteReader | undefined;
  try {
    const bundle = await openBundle(bytes);
    pack = bundle.pack;
    const { listing } = bundle;
    await runGit(["init", "--quiet", "--bare", `--object-format=${objectFormat}`, path], signal);
    await runGit(["-C", path, "index-pack", "--stdin"], signal, remaining(pack));
    // git stops at the pack's end; the comparison with the manifest comes behind it.
    for await (const _ of remaining(pack));
    await runGit(["-C", path, "update-ref", "--stdin"], signal, refCommands(listing));
    if (head?.startsWith("refs/")) await runGit(["-C", path, "symbolic-ref", "HEAD", head], signal);
    else if (listing.head.oid !== undefined)
      await runGit(["-C", path, "update-ref", "--no-deref", "HEAD", listing.head.oid], signal);
    await runGit(["-C", path, "rev-list", "--objects", "--all", "--quiet"], signal);
  } catch (error) {
    await rm(path, { recursive: true, force: true });
    if (!(error instanceof ProgramFailedError || isAboutTheBundle(error))) throw error;
    throw new IntegrityError("INTEGRITY_MISMATCH", `git cannot restore ${artifact.path}: ${error.message}`, {
      cause: error,
    });
  } finally {
    await pack?.close();
  }
  return [name];
}

/** `repository.bundle`, whatever follows that for compression or encryption, becomes `repository.git`. */
function folderOf(artifact: ProvenArtifact): string {
  return `${/([^/]+)\.bundle[^/]*$/.exec(artifact.path)?.[1] ?? "repository"}.git`;
}

async function runGit(args: readonly string[], signal: AbortSignal, stdin?: Bytes): Promise<void> {
  const options = { signal, env: isolatedEnvironment };
  if (stdin === undefined) await programText("git", args, options);
  else for await (const _ of programOutput("git", args, { ...options, stdin }));
}

/** Names cannot hold a space or a newline, and bytes that are no UTF-8 stay as they are. */
async function* refCommands({ refs }: Listing): Bytes {
  for (const ref of refs) yield Buffer.from(`create ${ref.name} ${ref.oid}\n`, "latin1");
}

async function* remaining(reader: ByteReader): Bytes {
  for (let piece = await reader.some(); piece !== undefined; piece = await reader.some()) yield piece;
}
