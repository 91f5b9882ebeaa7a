import type { Bytes } from "../bytes.ts";
import type { Proof, ProvenArtifact } from "../connectors/connector.ts";
import { gitIsInstalled } from "./git-program.ts";
import { proveByClone } from "./prove-clone.ts";
import { proveByReading } from "./prove-read.ts";

/**
 * With git on the machine the bundle is restored by it and counted; without, header and pack are parsed here.
 * @throws IntegrityError `PROOF_FAILED` naming what does not agree
 */
export async function proveBundle(
  artifact: ProvenArtifact,
  bytes: Bytes,
  options: { full: boolean; signal: AbortSignal },
): Promise<Proof> {
  return (await gitIsInstalled(options.signal))
    ? proveByClone(artifact, bytes, options)
    : proveByReading(artifact, bytes, options.signal);
}
