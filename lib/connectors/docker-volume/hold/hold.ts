import * as z from "zod";

/** A container that goes on when the reading has ended. */
const holdShape = z.object({ id: z.string(), name: z.string(), how: z.enum(["pause", "stop"]) });

export type Hold = z.infer<typeof holdShape>;

/**
 * The label of our helper containers that says what is going to be held on their behalf; what is held by then is in their
 * names (`marker.ts`). Both are in the Engine before anything is paused, so that whoever comes after a process that was
 * killed, or a machine that lost its power, finds what is to be released, from wherever.
 */
export const HOLDS_LABEL = "core-backup.holds";

/** In the order in which they are held; to be released in the opposite one. */
export function holdsOf(labels: Readonly<Record<string, string>>): readonly Hold[] {
  try {
    return z.array(holdShape).parse(JSON.parse(labels[HOLDS_LABEL] ?? "[]"));
  } catch {
    // Somebody else's label of that name.
    return [];
  }
}
