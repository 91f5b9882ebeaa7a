import type { ArtifactVerification, FailedProof, Verification } from "./manifest.ts";

type Proof = NonNullable<ArtifactVerification["proof"]>;

/**
 * What was found of an artifact, where an earlier proof of the same bytes failed. That they are the right bytes does not undo
 * it: only a later proof that goes as far does.
 */
export function withFailedProof(found: ArtifactVerification, failed: FailedProof | undefined): ArtifactVerification {
  if (failed === undefined || isUndone(failed, found.proof)) return found;
  const own = found.failedProof ?? failed;
  const level = own.level === "full" ? own.level : failed.level;
  return { ...found, proof: null, failedProof: { ...own, level }, error: found.error ?? failed.error };
}

/** The same for all artifacts of a snapshot, by what another verification of it has recorded meanwhile. */
export function withFailedProofs(found: Verification, recorded: Verification): Verification {
  const failed = new Map(recorded.artifacts.map(({ path, failedProof }) => [path, failedProof]));
  const artifacts = found.artifacts.map((one) => withFailedProof(one, failed.get(one.path)));
  const proved = artifacts.filter(isProved).length;
  return { ...found, artifacts, proved, ok: found.ok && artifacts.every(({ error }) => error === undefined) };
}

/** Whether a proof goes as far as the one that failed, whenever it was made. */
export const reaches = ({ level }: Pick<Proof, "level">, failed: FailedProof): boolean =>
  level !== "sealed" && (failed.level === "read" || level === "full");

/** Whether the proof was made later, and goes as far. */
export const isUndone = (failed: FailedProof, proof: Proof | null): boolean =>
  proof !== null && reaches(proof, failed) && Date.parse(proof.at) > Date.parse(failed.at);

export const isProved = ({ proof }: ArtifactVerification): boolean => proof !== null && proof.level !== "sealed";
