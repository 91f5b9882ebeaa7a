import { join } from "node:path";
import type { Bytes } from "../../bytes.ts";
import { type CodedError, IntegrityError, RefusedError } from "../../errors.ts";
import { scratchFolder } from "../../scratch.ts";
import { createArchiveCount, factsDifference } from "../../tar/archive-facts.ts";
import { watchArchive } from "../../tar/extraction.ts";
import { createMemberGuard } from "../../tar/member-guard.ts";
import { createMemberList, isRoot, listDifference, type MemberList } from "../../tar/member-list.ts";
import { filterTar } from "../../tar/tar-filter.ts";
import { TarFormatError } from "../../tar/tar-header.ts";
import type { Proof, ProvenArtifact } from "../connector.ts";
import { archiveOf, putArchive } from "./archive.ts";
import type { Engine } from "./engine/engine.ts";
import { EngineRefusal } from "./engine/fault.ts";
import { createHelper, type Helper } from "./helper.ts";
import { createScratchVolume, removeVolume } from "./scratch-volume.ts";
import { hostIdShift, shiftingFilter } from "./user-namespace.ts";

const PROVING_MS = 24 * 60 * 60 * 1000;

/**
 * Has the Engine extract the archive into an empty volume made for it, reads that back, and compares every member: path,
 * kind, mode, owner, time, link, device, capability and content. The volume is removed in every case.
 * @throws IntegrityError `PROOF_FAILED`, or what `bytes` throws
 */
export async function proveInVolume(
  engine: Engine,
  artifact: ProvenArtifact,
  bytes: Bytes,
  now: Date,
  signal: AbortSignal,
): Promise<Proof> {
  const scratch = await scratchFolder("prove");
  try {
    const volume = await createScratchVolume(engine, now, signal);
    try {
      const until = new Date(now.getTime() + PROVING_MS);
      const options = { readOnly: false, holds: [], until, signal };
      const helper = await createHelper(engine, { kind: "volume", name: volume }, options);
      try {
        return await compared(engine, helper, artifact, bytes, scratch.path, signal);
      } finally {
        await helper.remove();
      }
    } finally {
      await removeVolume(engine, volume);
    }
  } finally {
    await scratch.remove();
  }
}

async function compared(
  engine: Engine,
  helper: Helper,
  artifact: ProvenArtifact,
  bytes: Bytes,
  folder: string,
  signal: AbortSignal,
): Promise<Proof> {
  let hasRoot = false;
  const expected = createMemberList(join(folder, "expected"), () => true);
  const found = createMemberList(join(folder, "found"), () => hasRoot);
  const count = createArchiveCount();
  const guard = createMemberGuard(artifact.path);
  const archive = watchArchive(
    bytes,
    {
      entry(entry) {
        guard(entry);
        count.add(entry);
        hasRoot ||= isRoot(entry);
        expected.entry(entry);
      },
      content: expected.content,
      entryEnd: expected.entryEnd,
    },
    expected.flush,
  );
  const source = noted(archive.bytes);
  try {
    await putArchive(engine, helper, source.bytes, signal);
    await archive.assertWhole();
  } catch (error) {
    signal.throwIfAborted();
    // What the source itself throws is about the storage. What the Engine cannot extract is about the archive.
    const cause = source.error() ?? error;
    const isOurs = cause instanceof TarFormatError || cause instanceof RefusedError || cause instanceof EngineRefusal;
    if (!isOurs) throw cause;
    throw failed(artifact, cause instanceof Error ? cause.message : String(cause), cause);
  }
  await expected.close();
  const difference = factsDifference(count.facts(), artifact.facts);
  if (difference !== undefined) throw failed(artifact, `it does not hold what was collected: ${difference}`);
  await readBack(engine, helper, found, signal);
  const different = await listDifference(expected, found);
  if (different !== undefined) throw failed(artifact, `extracted into a volume, ${different}`);
  return { level: "full", detail: `${count.entries} entries extracted into a volume, read back and compared` };
}

async function readBack(engine: Engine, helper: Helper, list: MemberList, signal: AbortSignal): Promise<void> {
  const plain = archiveOf(engine, helper, Buffer.from(`${helper.path}/.`), signal);
  const shift = await hostIdShift(engine, signal);
  const { bytes } = watchArchive(
    shift === undefined ? plain : filterTar(plain, shiftingFilter(shift)),
    list,
    list.flush,
  );
  for await (const _ of bytes);
  await list.close();
}

/** Remembers what a stream failed with, however the one who reads it words it. */
function noted(bytes: Bytes): { readonly bytes: Bytes; error(): unknown } {
  let noticed: unknown;
  async function* pass(): Bytes {
    try {
      yield* bytes;
    } catch (error) {
      noticed = error;
      throw error;
    }
  }
  return { bytes: pass(), error: () => noticed };
}

function failed(artifact: ProvenArtifact, what: string, cause?: unknown): CodedError {
  return new IntegrityError("PROOF_FAILED", `${artifact.path}: ${what}`, { cause });
}
