import type { Bytes } from "../bytes.ts";
import type { Proof, ProvenArtifact } from "../connectors/connector.ts";
import { openBundle } from "./bundle.ts";
import { disagreement, factsOfBundle, headMustAgree, isAboutTheBundle, mustAgree } from "./bundle-facts.ts";
import { countObjects } from "./pack.ts";
import { refsDigest } from "./refs.ts";

/** Every object is inflated and counted and the pack's digest compared; that deltas apply is left to git. */
export async function proveByReading(artifact: ProvenArtifact, bytes: Bytes, signal: AbortSignal): Promise<Proof> {
  const facts = factsOfBundle(artifact);
  const { listing, objects } = await readBundle(artifact, bytes, signal);
  const { refs } = listing;
  mustAgree(artifact, "refs", refs.length, facts.refs);
  mustAgree(artifact, "as digest of the refs", refsDigest(refs), facts.refsSha256);
  headMustAgree(artifact, listing, facts);
  mustAgree(artifact, "objects", objects, facts.objects);
  return { level: "read", detail: `${objects} objects, ${refs.length} refs, pack checksum; read here, without git` };
}

async function readBundle(artifact: ProvenArtifact, bytes: Bytes, signal: AbortSignal) {
  try {
    const { listing, pack } = await openBundle(bytes);
    try {
      return { listing, objects: await countObjects(pack, listing.objectFormat, signal) };
    } finally {
      await pack.close();
    }
  } catch (error) {
    if (!isAboutTheBundle(error)) throw error;
    throw disagreement(artifact, error.message, error);
  }
}
