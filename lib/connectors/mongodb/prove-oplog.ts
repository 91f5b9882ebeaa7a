import * as z from "zod";
import type { Bytes } from "../../bytes.ts";
import type { Proof, ProvenArtifact } from "../connector.ts";
import { proofFailed } from "./archive-facts.ts";
import { archiveFault, isAboutTheArchive } from "./archive-fault.ts";
import { isOplog } from "./archive-format.ts";
import { archiveParser } from "./archive-parser.ts";
import { momentOf } from "./oplog-entry.ts";

const oplogFacts = z.object({
  documents: z.int().nonnegative(),
  bytes: z.int().nonnegative(),
  first: z.string().nullable(),
  last: z.string().nullable(),
});

/** That it is a whole archive, its entries in the order of time, and those that were counted. @throws IntegrityError `PROOF_FAILED` */
export async function proveOplog(artifact: ProvenArtifact, bytes: Bytes, signal: AbortSignal): Promise<Proof> {
  const parsed = oplogFacts.safeParse(artifact.facts);
  if (!parsed.success) throw proofFailed(artifact, "its manifest lacks the facts to compare with");
  const found = { documents: 0, bytes: 0, first: null as string | null, last: null as string | null };
  const parser = archiveParser(
    { deep: true },
    {
      document({ collection }, entry) {
        if (!isOplog(collection)) throw archiveFault(`a document of ${collection.collection} beside the oplog`);
        const moment = momentOf(entry) ?? null;
        found.first ??= moment;
        if (found.last !== null && (moment === null || isBefore(moment, found.last)))
          throw archiveFault(`an entry of ${moment} after one of ${found.last}`);
        found.last = moment;
        found.documents += 1;
        found.bytes += entry.byteLength;
      },
    },
  );
  try {
    for await (const chunk of bytes) {
      signal.throwIfAborted();
      parser.push(chunk);
    }
    parser.end();
  } catch (error) {
    if (isAboutTheArchive(error)) throw proofFailed(artifact, error.message, error);
    throw error;
  }
  for (const what of ["documents", "bytes", "first", "last"] as const) {
    if (found[what] !== parsed.data[what])
      throw proofFailed(artifact, `${found[what]} came out as ${what} instead of ${parsed.data[what]}`);
  }
  return { level: "read", detail: `${found.documents} entries of the oplog` };
}

function isBefore(moment: string, other: string): boolean {
  const [seconds = 0, increment = 0] = moment.split(":").map(Number);
  const [otherSeconds = 0, otherIncrement = 0] = other.split(":").map(Number);
  return seconds < otherSeconds || (seconds === otherSeconds && increment < otherIncrement);
}
