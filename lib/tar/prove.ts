import { chmod, mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Bytes } from "../bytes.ts";
import type { Proof, ProofOptions, ProvenArtifact } from "../connectors/connector.ts";
import { IntegrityError, RefusedError } from "../errors.ts";
import { ProgramFailedError, programOutput } from "../process.ts";
import { scratchFolder } from "../scratch.ts";
import { type ArchiveCount, createArchiveCount, factsDifference } from "./archive-facts.ts";
import { compareTree, createEntryList } from "./entry-list.ts";
import { onlyDevicesRefused, watchArchive } from "./extraction.ts";
import { createMemberGuard } from "./member-guard.ts";
import { TarFormatError } from "./tar-header.ts";
import { findTar } from "./tar-program.ts";
import type { TarEntry, TarListener } from "./tar-scan.ts";

/**
 * Reads an archive with our own scanner and with the real tar at once, and compares both with the facts. With `full`,
 * tar extracts it into an empty folder, and every entry there is compared with what the archive said.
 * @throws IntegrityError `PROOF_FAILED`, or what `bytes` throws
 */
export async function proveArchive(artifact: ProvenArtifact, bytes: Bytes, options: ProofOptions): Promise<Proof> {
  const { program } = await findTar(options.signal);
  try {
    if (program === undefined) {
      options.onlyRead?.();
      return await readAlone(artifact, bytes);
    }
    return options.full
      ? await extract(program, artifact, bytes, options.signal)
      : await list(program, artifact, bytes, options.signal);
  } catch (error) {
    if (error instanceof TarFormatError || error instanceof ProgramFailedError || error instanceof RefusedError)
      throw failed(artifact, error.message, error);
    throw error;
  }
}

async function readAlone(artifact: ProvenArtifact, bytes: Bytes): Promise<Proof> {
  const count = createArchiveCount();
  for await (const _ of watchArchive(bytes, listenerOf(count)).bytes);
  compareFacts(artifact, count);
  return {
    level: "read",
    detail: `${count.entries} entries read and counted; GNU tar is not installed here, so it was not asked`,
  };
}

async function list(program: string, artifact: ProvenArtifact, bytes: Bytes, signal: AbortSignal): Promise<Proof> {
  const count = createArchiveCount();
  const archive = watchArchive(bytes, listenerOf(count));
  let listed = 0;
  // A line a member: tar escapes newlines in names.
  const output = programOutput(program, ["--list", "--file=-", "--quoting-style=escape"], {
    signal,
    stdin: archive.bytes,
  });
  for await (const chunk of output) listed += newlines(chunk);
  await archive.assertWhole();
  compareFacts(artifact, count);
  if (listed !== count.entries) throw failed(artifact, `tar lists ${listed} entries instead of ${count.entries}`);
  return { level: "read", detail: `${listed} entries listed by tar` };
}

async function extract(program: string, artifact: ProvenArtifact, bytes: Bytes, signal: AbortSignal): Promise<Proof> {
  const scratch = await scratchFolder("prove");
  try {
    return await extractInto(scratch.path, program, artifact, bytes, signal);
  } finally {
    await removeTree(scratch.path);
  }
}

async function extractInto(
  folder: string,
  program: string,
  artifact: ProvenArtifact,
  bytes: Bytes,
  signal: AbortSignal,
): Promise<Proof> {
  const [tree, list] = [join(folder, "tree"), join(folder, "entries")];
  await mkdir(tree);
  const count = createArchiveCount();
  const expected = createEntryList(list);
  const guard = createMemberGuard(artifact.path);
  const entry = (one: TarEntry) => {
    guard(one);
    count.add(one);
    expected.entry(one);
  };
  const archive = watchArchive(
    bytes,
    { entry, content: expected.content, entryEnd: expected.entryEnd },
    expected.flush,
  );
  let devicesRefused = false;
  const output = programOutput(program, [...EXTRACT, `--directory=${tree}`], {
    signal,
    stdin: archive.bytes,
    judge: (exit) => {
      devicesRefused = onlyDevicesRefused(program, exit);
    },
  });
  for await (const _ of output);
  await archive.assertWhole();
  await expected.close();
  compareFacts(artifact, count);
  const different = await compareTree(list, tree, { devicesRefused, signal });
  if (different !== undefined) throw failed(artifact, different);
  const devices = devicesRefused ? "; devices were left out, which this user may not make" : "";
  return { level: "full", detail: `${count.entries} entries extracted by tar and compared by hash${devices}` };
}

/** Owners, attributes and lists are not what is compared, and not every user may set them. */
const EXTRACT = [
  "--extract",
  "--file=-",
  "--no-same-owner",
  "--no-same-permissions",
  "--delay-directory-restore",
  "--no-xattrs",
  "--no-acls",
];

const listenerOf = (count: ArchiveCount): TarListener => ({ entry: (one) => count.add(one) });

function compareFacts(artifact: ProvenArtifact, count: ArchiveCount): void {
  const difference = factsDifference(count.facts(), artifact.facts);
  if (difference !== undefined) throw failed(artifact, `it does not hold what was collected: ${difference}`);
}

function failed(artifact: ProvenArtifact, what: string, cause?: unknown): IntegrityError {
  return new IntegrityError("PROOF_FAILED", `${artifact.path}: ${what}`, { cause });
}

function newlines(chunk: Uint8Array): number {
  let count = 0;
  for (let at = chunk.indexOf(0x0a); at !== -1; at = chunk.indexOf(0x0a, at + 1)) count += 1;
  return count;
}

/** Folders of the source may deny everything, to us too when we are not root. */
async function removeTree(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true }).catch(async () => {
    await openFolders(Buffer.from(folder));
    await rm(folder, { recursive: true, force: true });
  });
}

async function openFolders(folder: Buffer): Promise<void> {
  await chmod(folder, 0o700);
  for (const entry of await readdir(folder, { withFileTypes: true, encoding: "buffer" })) {
    if (entry.isDirectory()) await openFolders(Buffer.concat([folder, Buffer.from("/"), entry.name]));
  }
}
