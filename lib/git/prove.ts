import type { Bytes } from "../bytes.ts";
import type { Proof, ProofOptions, ProvenArtifact } from "../connectors/connector.ts";
import { gitIsInstalled } from "./git-program.ts";
import { proveByClone } from "./prove-clone.ts";
import { proveByReading } from "./prove-read.ts";

/**
 * With git on the machine the bundle is restored by it and counted; without, header and pack are parsed here.
 * @throws IntegrityError `PROOF_FAILED` naming what does not agree
 */
export async function proveBundle(artifact: ProvenArtifact, bytes: Bytes, options: ProofOptions): Promise<Proof> {
  if (await gitIsInstalled(options.signal)) return proveByClone(artifact, bytes, options);
  options.onlyRead?.();
  return proveByReading(artifact, bytes, options.signal);
}
