import type { SourceError } from "../../errors.ts";
import { childrenOf } from "./kind-context.ts";
import type { Kind } from "./kinds/kind.ts";
import type { KindContext } from "./reading.ts";
import type { KindState } from "./state.ts";
import type { SubjectWork } from "./subject-work.ts";
import type { Gone } from "./tombstones.ts";

/** What is known of a kind after its last line. */
export interface KindEnd {
  /** GitHub counted more than it listed. */
  readonly hole: SourceError | undefined;
  readonly gone: Gone;
  readonly state: KindState;
}

/**
 * What follows a kind's last line: its count, what is gone since the last snapshot, what the next run has to know.
 * @throws SourceError `SOURCE_INCOMPLETE`
 */
export async function endKind(
  work: SubjectWork,
  { kind, previousLines }: Pick<KindContext, "kind" | "previousLines">,
  { hole, gone, state }: KindEnd,
): Promise<void> {
  if (hole !== undefined) {
    doubt(work, kind);
    throw hole;
  }
  work.tombstones.set(kind, gone, previousLines);
  work.states.set(kind.name, state);
}

/** A list with a hole says nothing of what is gone, neither of it nor of what hangs on it. */
export function doubt(work: SubjectWork, kind: Kind): void {
  work.parents.doubt(kind);
  for (const one of [kind, ...childrenOf(work, kind)]) work.tombstones.drop(one);
}
