import type { Bytes } from "../../bytes.ts";
import type { Proof, ProofOptions, ProvenArtifact } from "../connector.ts";
import { factsMustAgree, factsOfArchive, proofFailed, summaryFacts } from "./archive-facts.ts";
import { isAboutTheArchive } from "./archive-fault.ts";
import { type ArchiveParser, archiveParser } from "./archive-parser.ts";
import type { ServerAddress } from "./client.ts";
import { OPLOG_TYPE } from "./oplog-item.ts";
import { proveOplog } from "./prove-oplog.ts";
import { proveByRestoring } from "./prove-restore.ts";

export interface ProveOptions extends ProofOptions {
  readonly now: () => Date;
}

/**
 * Every byte of an archive is parsed, each CRC compared, everything counted and compared with the facts. In full, with
 * `prove_uri`, it is also restored into a database made for that, read back and compared.
 * @throws IntegrityError `PROOF_FAILED` naming what does not agree
 */
export async function proveArtifact(
  artifact: ProvenArtifact,
  bytes: Bytes,
  { full, signal, onlyRead, now }: ProveOptions,
  proofServer: () => Promise<ServerAddress | undefined>,
): Promise<Proof> {
  const isOplog = artifact.contentType === OPLOG_TYPE;
  const address = full && !isOplog ? await proofServer() : undefined;
  if (address === undefined) onlyRead?.();
  if (isOplog) return proveOplog(artifact, bytes, signal);
  const facts = factsOfArchive(artifact);
  if (address !== undefined) return proveByRestoring(artifact, facts, bytes, address, now(), signal);
  const parser = archiveParser({ deep: true });
  await aboutTheArchive(artifact, () => parseAll(parser, bytes, signal));
  const { documents } = facts;
  const found = summaryFacts(parser.end());
  factsMustAgree(artifact, facts, found);
  return { level: "read", detail: `${documents} documents in ${found.length} collections, CRC of each` };
}

/** What the parser finds wrong fails the proof; what a storage says that cannot give the bytes does not. */
async function aboutTheArchive<T>(artifact: ProvenArtifact, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (isAboutTheArchive(error)) throw proofFailed(artifact, error.message, error);
    throw error;
  }
}

/** To the last byte, since the comparison with the manifest comes behind it. */
async function parseAll(parser: ArchiveParser, bytes: Bytes, signal: AbortSignal): Promise<void> {
  for await (const chunk of bytes) {
    signal.throwIfAborted();
    parser.push(chunk);
  }
  parser.end();
}
