import type { ArtifactVerification, Verification } from "../lib/manifest.ts";

/** Those that could not be proved for want of a private key. */
export function sealedArtifacts(verification: Verification | undefined): readonly ArtifactVerification[] {
  return verification?.artifacts.filter(({ proof }) => proof?.level === "sealed") ?? [];
}
