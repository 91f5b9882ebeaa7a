import { basename } from "node:path/posix";
import * as z from "zod";
import { disagreement } from "../../git/bundle-facts.ts";
import type { ProvenArtifact } from "../connector.ts";
import { numbersOf, unpacked } from "./number-facts.ts";
import { REFERRING, TARGETS } from "./references.ts";
import type { Collected } from "./state.ts";

const checkedFacts = z.record(z.string(), z.object({ missing: z.string().optional(), asked: z.string().optional() }));

/**
 * Each comment's issue and each review's pull request is in the same unit, or is one of those that GitHub did not list. Goes by the
 * numbers in the facts of its artifacts, which the proof of each of them finds in its lines. Answers how many were compared, and of how many that are
 * missing nobody asked whether they are gone; what an older version stored does not tell. @throws IntegrityError `PROOF_FAILED`
 */
export function proveReferences(
  artifact: ProvenArtifact,
  { kinds }: Collected,
  unit: readonly ProvenArtifact[],
): { readonly compared: number; readonly unasked: number } {
  const checked = checkedFacts.safeParse(artifact.facts.checked ?? {});
  if (!checked.success) throw disagreement(artifact, "its facts do not say what was checked");
  const of = (kind: string) => unit.filter(({ path }) => kindIn(path) === kind);
  let compared = 0;
  let unasked = 0;
  for (const target of TARGETS) {
    const { missing: text, asked: askedText = text } = checked.data[target] ?? {};
    const held = kinds[target]?.state === "EMPTY" ? new Set<number>() : numbersOf(of(target));
    if (text === undefined || askedText === undefined || held === undefined) continue;
    const [missing, asked] = [unpacked(text), unpacked(askedText)];
    if (missing === undefined || asked === undefined)
      throw disagreement(artifact, `its facts do not say what of ${target} is missing`);
    for (const one of REFERRING[target].flatMap(of)) {
      const wanted = numbersOf([one]) ?? new Set<number>();
      const hole = wanted.difference(held).difference(missing).values().next().value;
      if (hole !== undefined)
        throw disagreement(
          artifact,
          `${basename(one.path)} belongs to number ${hole}, which is not in ${target}.jsonl`,
        );
      compared += wanted.size;
      unasked += wanted.difference(held).difference(asked).size;
    }
  }
  return { compared, unasked };
}

/** `pull_reviews` for `my-org/app/pull_reviews-2.jsonl.zst`. */
export const kindIn = (path: string): string => basename(path).replace(/(-\d+)?\.jsonl.*$/, "");
