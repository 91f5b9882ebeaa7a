import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Bytes } from "../bytes.ts";
import type { ProvenArtifact } from "../connectors/connector.ts";
import { IntegrityError, StorageError } from "../errors.ts";
import { ProgramFailedError, programOutput } from "../process.ts";
import { watchArchive } from "./extraction.ts";
import { createMemberGuard } from "./member-guard.ts";
import { TarFormatError } from "./tar-header.ts";
import { requireTar } from "./tar-program.ts";

/** The folder that the tree is restored to. */
const TREE = "files";

const EXTRACT = [
  "--extract",
  "--file=-",
  "--preserve-permissions",
  "--numeric-owner",
  "--delay-directory-restore",
  "--xattrs",
  // Without it tar restores only the attributes of users.
  "--xattrs-include=*",
  "--acls",
  "--no-wildcards",
];

/**
 * Extracts an archive into `<folder>/files`. Rights, times, links, attributes, ACLs and holes come back; owners
 * only when run as root.
 * @throws RefusedError naming a member that would leave the folder, before tar sees it
 * @throws IntegrityError when the archive is not whole, StorageError when the place cannot take it
 */
export async function restoreArchive(
  artifact: ProvenArtifact,
  bytes: Bytes,
  folder: string,
  signal: AbortSignal,
): Promise<readonly string[]> {
  return intoTree(folder, (target) => extractArchive(artifact, bytes, target, signal));
}

/** Makes the folder that trees are restored to, and answers its name. */
export async function intoTree(folder: string, extract: (target: string) => Promise<void>): Promise<readonly string[]> {
  const target = join(folder, TREE);
  await mkdir(target);
  await extract(target);
  return [TREE];
}

/** The same, into a folder that is there. What lies in it under the names of members is replaced. */
export async function extractArchive(
  artifact: ProvenArtifact,
  bytes: Bytes,
  target: string,
  signal: AbortSignal,
): Promise<void> {
  const program = await requireTar(signal);
  const archive = watchArchive(bytes, { entry: createMemberGuard(artifact.path) });
  const owner = process.getuid?.() === 0 ? "--same-owner" : "--no-same-owner";
  try {
    const output = programOutput(program, [...EXTRACT, owner, `--directory=${target}`], {
      signal,
      stdin: archive.bytes,
    });
    for await (const _ of output);
    await archive.assertWhole();
  } catch (error) {
    throw explained(artifact, error);
  }
}

function explained(artifact: ProvenArtifact, error: unknown): unknown {
  if (error instanceof TarFormatError) {
    return new IntegrityError("INTEGRITY_MISMATCH", `${artifact.path} is no whole archive: ${error.message}`, {
      cause: error,
    });
  }
  if (!(error instanceof ProgramFailedError)) return error;
  const faults = error.exit.stderr
    .split("\n")
    .filter((line) => line !== "" && !line.endsWith("due to previous errors"));
  const full = faults.find((line) => /No space left on device|Disk quota exceeded/.test(line));
  const message = `${artifact.path} cannot be restored: ${full ?? faults[0] ?? error.message}`;
  return new StorageError(full === undefined ? "STORAGE_FAILED" : "STORAGE_FULL", message, { cause: error });
}
