import type { Bytes } from "../../bytes.ts";
import { CodedError, IntegrityError } from "../../errors.ts";
import type { Proof, ProvenArtifact } from "../connector.ts";
import { type ArchiveFacts, factsMustAgree, proofFailed, summaryFacts } from "./archive-facts.ts";
import { isAboutTheArchive } from "./archive-fault.ts";
import { type ArchivedCollection, isOplog, isSpecial } from "./archive-format.ts";
import { archiveParser } from "./archive-parser.ts";
import { connect, type ServerAddress } from "./client.ts";
import { type DocumentDigest, documentDigest } from "./document-digest.ts";
import { driverFault } from "./fault.ts";
import { archivedIndexes, type ProofDatabase, proofDatabase } from "./proof-database.ts";
import { atLeast } from "./server.ts";

interface Restored {
  readonly collection: ArchivedCollection;
  /** Where its documents are inserted: a time series' into its buckets. */
  target: string;
  readonly rawData: boolean;
  readonly digest: DocumentDigest;
  waiting: Buffer[];
}

const INSERT_AT_ONCE = 1000;

/**
 * Restores an archive into a database made for that, compares what is there then (documents, counts, index
 * definitions) with the archive, and drops it. Users and roles are not restored: they would be the server's.
 * @throws IntegrityError `PROOF_FAILED` | TransientError | SourceError when the server cannot be used
 */
export async function proveByRestoring(
  artifact: ProvenArtifact,
  facts: ArchiveFacts,
  bytes: Bytes,
  address: ServerAddress,
  now: Date,
  signal: AbortSignal,
): Promise<Proof> {
  const client = await connect(address, signal);
  try {
    const database = await proofDatabase(client, now, signal);
    const proof = await proveIn(database, artifact, facts, bytes, signal).catch(async (error: unknown) => {
      // What went wrong first is what there is to say; what is not dropped now is by the next proof.
      await database.drop().catch(() => {});
      throw error;
    });
    await database.drop();
    return proof;
  } catch (error) {
    signal.throwIfAborted();
    throw proofFault(artifact, error);
  } finally {
    await client.close();
  }
}

async function proveIn(
  database: ProofDatabase,
  artifact: ProvenArtifact,
  facts: ArchiveFacts,
  bytes: Bytes,
  signal: AbortSignal,
): Promise<Proof> {
  const restored = await restoreInto(database, artifact, facts, bytes, signal);
  const documents = await compareDocuments(database, artifact, restored);
  const indexes = await compareIndexes(database, artifact, restored);
  const detail = `${documents} documents and ${indexes} indexes in ${restored.length} collections restored and compared`;
  return { level: "full", detail };
}

async function restoreInto(
  database: ProofDatabase,
  artifact: ProvenArtifact,
  facts: ArchiveFacts,
  bytes: Bytes,
  signal: AbortSignal,
): Promise<readonly Restored[]> {
  const restored = new Map<ArchivedCollection, Restored>();
  let toCreate: readonly Restored[] = [];
  let blockName = "";
  const parser = archiveParser(
    { deep: true },
    {
      prelude(head, collections) {
        for (const collection of collections.filter(isRestored)) {
          const rawData = collection.type === "timeseries" && atLeast(head.serverVersion, 8, 3);
          restored.set(collection, {
            collection,
            target: collection.collection,
            rawData,
            digest: documentDigest(),
            waiting: [],
          });
        }
        toCreate = [...restored.values()];
      },
      block(header) {
        blockName = header.collection;
      },
      document({ collection }, document) {
        const one = restored.get(collection);
        if (one === undefined) return;
        one.target = blockName;
        one.digest.add(document);
        one.waiting.push(document);
      },
    },
  );
  for await (const chunk of bytes) {
    signal.throwIfAborted();
    parser.push(chunk);
    for (const { collection } of toCreate) await database.create(collection);
    toCreate = [];
    for (const one of restored.values()) await insertWaiting(database, one);
  }
  factsMustAgree(artifact, facts, summaryFacts(parser.end()));
  return [...restored.values()];
}

const isRestored = (collection: ArchivedCollection): boolean => !isSpecial(collection) && !isOplog(collection);

/** Before the next chunk, in whose place the documents' bytes may lie. */
async function insertWaiting(database: ProofDatabase, one: Restored): Promise<void> {
  const { waiting } = one;
  one.waiting = [];
  for (let at = 0; at < waiting.length; at += INSERT_AT_ONCE) {
    await database.insert(one.target, waiting.slice(at, at + INSERT_AT_ONCE), one.rawData);
  }
}

/** Before there are indexes: one with a time to live would begin to remove documents. */
async function compareDocuments(
  database: ProofDatabase,
  artifact: ProvenArtifact,
  restored: readonly Restored[],
): Promise<number> {
  const present = new Set(await database.collections());
  let total = 0;
  for (const { collection, target, rawData, digest } of restored) {
    const name = collection.collection;
    if (!present.has(name)) throw proofFailed(artifact, `${name} was not there after it was restored`);
    if (collection.type === "view") continue;
    const found = documentDigest();
    for await (const reply of database.documents(target, rawData)) for (const document of reply) found.add(document);
    if (found.documents !== digest.documents)
      throw proofFailed(artifact, `${found.documents} documents of ${name} came out instead of ${digest.documents}`);
    if (found.text() !== digest.text())
      throw proofFailed(artifact, `other documents of ${name} came out than are in the archive`);
    total += found.documents;
  }
  return total;
}

async function compareIndexes(
  database: ProofDatabase,
  artifact: ProvenArtifact,
  restored: readonly Restored[],
): Promise<number> {
  let total = 0;
  for (const { collection } of restored) {
    if (collection.type === "view") continue;
    await database.createIndexes(collection);
    const [is, should] = [await database.indexes(collection.collection), archivedIndexes(collection)];
    const differing = should.find((index) => !is.includes(index)) ?? is.find((index) => !should.includes(index));
    if (differing !== undefined)
      throw proofFailed(
        artifact,
        `an index of ${collection.collection} did not come out as it is in the archive: ${differing.slice(0, 500)}`,
      );
    total += should.length;
  }
  return total;
}

/** What is wrong with the archive, or what the server does not take of it, fails the proof; a server that is not there does not. */
function proofFault(artifact: ProvenArtifact, error: unknown): unknown {
  if (error instanceof IntegrityError) return error;
  if (isAboutTheArchive(error)) return proofFailed(artifact, error.message, error);
  const fault = driverFault(error, `proving ${artifact.path}`);
  if (fault instanceof CodedError && fault.code !== "SOURCE_FAILED") return fault;
  return fault instanceof Error && (fault !== error || /refused/.test(fault.message))
    ? proofFailed(artifact, fault.message, fault)
    : fault;
}
