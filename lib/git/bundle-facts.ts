import * as z from "zod";
import type { ProvenArtifact } from "../connectors/connector.ts";
import { CodedError, IntegrityError } from "../errors.ts";
import { type Listing, readable } from "./refs.ts";

/** What item.ts wrote down and proof compares. */
const bundleFacts = z.object({
  refs: z.int().nonnegative(),
  refsSha256: z.string(),
  objects: z.int().positive(),
  head: z.string().nullable(),
  objectFormat: z.enum(["sha1", "sha256"]),
});

export type BundleFacts = z.infer<typeof bundleFacts>;

/** @throws IntegrityError `PROOF_FAILED` for a manifest without them */
export function factsOfBundle(artifact: ProvenArtifact): BundleFacts {
  const parsed = bundleFacts.safeParse(artifact.facts);
  if (parsed.success) return parsed.data;
  throw disagreement(artifact, "its manifest lacks the facts to compare with");
}

export function disagreement(artifact: ProvenArtifact, what: string, cause?: unknown): IntegrityError {
  return new IntegrityError("PROOF_FAILED", `${artifact.path}: ${what}`, { cause });
}

/** @throws IntegrityError `PROOF_FAILED` when the two differ */
export function mustAgree(
  artifact: ProvenArtifact,
  what: string,
  found: string | number,
  recorded: string | number,
): void {
  if (found !== recorded) throw disagreement(artifact, `${found} ${what} came out instead of ${recorded}`);
}

/**
 * That the header's HEAD is the commit of the branch that HEAD named, or the commit itself when it was detached.
 * @throws IntegrityError `PROOF_FAILED`
 */
export function headMustAgree(artifact: ProvenArtifact, { refs, head }: Listing, facts: BundleFacts): void {
  if (head.oid === undefined || facts.head === null) return;
  const recorded = facts.head.startsWith("refs/")
    ? refs.find(({ name }) => readable(name) === facts.head)?.oid
    : facts.head;
  // With `refs: [HEAD]` the branch itself may be left out.
  if (recorded !== undefined) mustAgree(artifact, "as HEAD", head.oid, recorded);
}

/** What the parsers of this connector say about bytes, in contrast to what a storage says that cannot give them. */
export function isAboutTheBundle(error: unknown): error is CodedError {
  const codes = ["SOURCE_CORRUPT", "SOURCE_TRUNCATED", "SOURCE_PROTOCOL"];
  return error instanceof CodedError && codes.includes(error.code);
}
