import * as z from "zod";

/** What is remembered of one kind from one run to the next. */
const kindState = z.object({
  state: z.enum(["READ", "EMPTY", "DISABLED", "FORBIDDEN", "BLOCKED", "FAILED"]),
  /** Why it could not be read. */
  reason: z.string().optional(),
  /** The last snapshot in which it could be, where that makes it a failure. */
  readIn: z.string().optional(),
  /** The last snapshot that holds something of it, where it cannot be read or is off. */
  heldIn: z.string().optional(),
  /** Of every page that the kind was read from, by URL. Left out where that would be too many. */
  etags: z.record(z.string(), z.string()).optional(),
  /** The newest `updated_at` or `id` that was read. */
  newest: z.union([z.string(), z.number()]).optional(),
  /** What listing knew of its state (`probe.ts`) before it was read. */
  probe: z.string().optional(),
  /** When it was last read whole, which is what finds deletions. */
  sweptAt: z.iso.datetime().optional(),
});

/** `collected.json`: what was asked, and what the next run needs to know in order to ask for less. */
export const collectedSchema = z.object({
  schema: z.literal(1),
  identity: z.string(),
  name: z.string(),
  kinds: z.record(z.string(), kindState),
});

export type KindState = z.infer<typeof kindState>;
export type Collected = z.infer<typeof collectedSchema>;

export const wasReadable = (state: unknown): boolean => state === "READ" || state === "EMPTY";
