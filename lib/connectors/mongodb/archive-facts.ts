import * as z from "zod";
import { IntegrityError } from "../../errors.ts";
import type { Facts, ProvenArtifact } from "../connector.ts";
import type { ArchiveSummary } from "./archive-parser.ts";

export const ARCHIVE_TYPE = "application/x-mongodump-archive";

const count = z.int().nonnegative();

const collectionFacts = z.object({
  name: z.string(),
  type: z.string(),
  documents: count,
  /** Of its documents, as BSON. */
  bytes: count,
  indexes: count,
  /** What the server's own books said before and after it was read. */
  counted: z.tuple([count, count]).readonly().optional(),
});

const archiveFacts = z.object({
  documents: count,
  bytes: count,
  database: z.string(),
  strategy: z.enum(["driver", "mongodump"]),
  server: z.string(),
  collections: z.array(collectionFacts),
});

export type ArchivedNamespaceFacts = z.infer<typeof collectionFacts>;
export type ArchiveFacts = z.infer<typeof archiveFacts>;

export interface ArchiveSource {
  readonly database: string;
  readonly strategy: ArchiveFacts["strategy"];
  readonly server: string;
  /** Seconds and increment of the moment that all of it is of, as `1732600000:1`. */
  readonly snapshot?: string | undefined;
}

/** What a manifest says of an archive. */
export function factsOf(source: ArchiveSource, collections: readonly ArchivedNamespaceFacts[]): Facts {
  const { snapshot, ...rest } = source;
  return {
    documents: sum(collections, ({ documents }) => documents),
    bytes: sum(collections, ({ bytes }) => bytes),
    ...rest,
    ...(snapshot === undefined ? {} : { snapshot }),
    collections: collections
      .map(({ counted, ...one }) => (counted === undefined ? one : { ...one, counted }))
      .sort((a, b) => (a.name < b.name ? -1 : 1)),
  };
}

/** @throws IntegrityError `PROOF_FAILED` for a manifest without them */
export function factsOfArchive(artifact: ProvenArtifact): ArchiveFacts {
  const parsed = archiveFacts.safeParse(artifact.facts);
  if (parsed.success) return parsed.data;
  throw proofFailed(artifact, "its manifest lacks the facts to compare with");
}

export function proofFailed(artifact: ProvenArtifact, what: string, cause?: unknown): IntegrityError {
  return new IntegrityError("PROOF_FAILED", `${artifact.path}: ${what}`, { cause });
}

/** What an archive that was parsed holds, in the words of its facts. `indexes` are counted in the metadata. */
export function summaryFacts({ namespaces }: ArchiveSummary): ArchivedNamespaceFacts[] {
  return namespaces.map(({ collection, documents, bytes }) => ({
    name: collection.collection,
    type: collection.type ?? "",
    documents,
    bytes,
    indexes: indexesIn(collection.metadata),
  }));
}

/** @throws IntegrityError `PROOF_FAILED` naming the first collection that differs */
export function factsMustAgree(
  artifact: ProvenArtifact,
  facts: ArchiveFacts,
  found: readonly ArchivedNamespaceFacts[],
): void {
  const recorded = new Map(facts.collections.map((one) => [one.name, one]));
  for (const is of found) {
    const was = recorded.get(is.name);
    if (was === undefined) throw proofFailed(artifact, `it holds ${is.name}, of which its manifest knows nothing`);
    recorded.delete(is.name);
    for (const what of ["documents", "bytes", "indexes", "type"] as const) {
      if (is[what] !== was[what])
        throw proofFailed(artifact, `${is.name} has ${is[what]} as ${what} instead of ${was[what]}`);
    }
  }
  const [missing] = recorded.keys();
  if (missing !== undefined) throw proofFailed(artifact, `${missing} is not in it`);
  for (const what of ["documents", "bytes"] as const) {
    const is = sum(found, (one) => one[what]);
    if (is !== facts[what]) throw proofFailed(artifact, `it holds ${is} ${what} instead of ${facts[what]}`);
  }
}

const metadataShape = z.object({ indexes: z.array(z.unknown()).default([]) });

function indexesIn(metadata: string): number {
  const parsed = metadata === "" ? undefined : metadataShape.safeParse(JSON.parse(metadata));
  return parsed?.success === true ? parsed.data.indexes.length : 0;
}

const sum = <T>(all: readonly T[], of: (one: T) => number): number => all.reduce((total, one) => total + of(one), 0);
