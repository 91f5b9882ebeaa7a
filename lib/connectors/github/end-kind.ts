import { checkCount } from "./count-check.ts";
import type { KindContext } from "./reading.ts";
import type { KindState } from "./state.ts";
import type { SubjectWork } from "./subject-work.ts";
import type { Gone } from "./tombstones.ts";

/** What is known of a kind after its last line. */
export interface KindEnd {
  /** In all of its parts. */
  readonly lines: number;
  readonly gone: Gone;
  readonly state: KindState;
}

/**
 * What follows a kind's last line: its count, what is gone since the last snapshot, what the next run has to know. A list with a hole says nothing of
 * what is gone, neither of it nor of what hangs on it.
 * @throws SourceError `SOURCE_INCOMPLETE`
 */
export async function endKind(
  work: SubjectWork,
  { kind, previousLines, parents }: Pick<KindContext, "kind" | "previousLines" | "parents">,
  { lines, gone, state }: KindEnd,
): Promise<void> {
  try {
    await checkCount(work, kind, lines);
  } catch (error) {
    parents.doubt(kind);
    throw error;
  }
  work.tombstones.set(kind, gone, previousLines);
  work.states.set(kind.name, state);
}
