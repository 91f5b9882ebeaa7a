import * as z from "zod";
import { IntegrityError } from "./errors.ts";
import { planKey } from "./keys.ts";
import { json } from "./manifest.ts";
import { checkSeal, sealed } from "./seal.ts";
import type { Storage } from "./storage/storage.ts";
import { storedLines } from "./stored-lines.ts";

/** What names a run to every step after `plan`. */
export interface RunPointer {
  readonly job: string;
  readonly snapshot: string;
  readonly run: string;
  /** How often the run was taken up again: 0 at first. */
  readonly resumed: number;
}

/** A unit in a snapshot that was verified. */
const unitPointer = z.strictObject({
  snapshot: z.string(),
  n: z.int().nonnegative().describe("the unit's number there"),
  resumed: z.int().positive().optional().describe("how often that run was taken up again"),
  sourceBytes: z.int().nonnegative(),
  damaged: z
    .union([z.array(z.string()), z.literal("all")])
    .optional()
    .describe("paths there that were found damaged since; all: too many to name"),
});

export type UnitPointer = z.infer<typeof unitPointer>;

/**
 * One line of `.run/plan.jsonl`: a unit, its number, and where the last snapshots know of it. It names no artifacts, so that
 * it fits into the 256 KiB that travel between states on AWS, whatever a unit holds.
 */
export const planLineSchema = z.strictObject({
  n: z.int().nonnegative(),
  run: z.string(),
  id: z.string(),
  identity: z.string().optional(),
  compute: z.enum(["lambda", "fargate"]),
  estimatedBytes: z.int().nonnegative().optional().describe("what the source says of its size when it is listed"),
  fingerprint: z.string().optional(),
  input: z.record(z.string(), json),
  warnings: z.array(z.strictObject({ code: z.string(), message: z.string() })).optional(),
  previous: unitPointer.optional().describe("the newest verified snapshot that holds this unit whole"),
  salvage: z
    .array(unitPointer)
    .optional()
    .describe("newer ones in which it failed, the newest first: each holds some of it that those before it do not"),
  reuse: z.literal(true).optional().describe("its artifacts there are its artifacts now: the fingerprint is the same"),
  seal: z.string().optional().describe("SHA-256 of the rest of the line as compact JSON"),
});

export type PlanLine = z.infer<typeof planLineSchema>;

/** What `collect` is given. */
export interface CollectInput extends RunPointer {
  readonly unit: PlanLine;
}

/** A line is at most this long: a unit with what its connector tells itself of it. */
const MAX_LINE_BYTES = 16 * 1024 * 1024;

/** The lines of a run's plan in order, one at a time. @throws NotFoundError | IntegrityError naming the line */
export async function* readPlan(
  storage: Storage,
  pointer: Pick<RunPointer, "job" | "snapshot">,
): AsyncIterable<PlanLine> {
  const lines = storedLines(storage, planKey(pointer.job, pointer.snapshot), MAX_LINE_BYTES);
  for await (const { text, where } of lines) yield parseLine(text, where);
}

/** One line with its newline. */
export const planLineBytes = (line: PlanLine): Uint8Array =>
  new TextEncoder().encode(`${JSON.stringify(sealed(line))}\n`);

function parseLine(text: string, where: string): PlanLine {
  try {
    const line: unknown = JSON.parse(text);
    checkSeal(line, where);
    return planLineSchema.parse(line);
  } catch (error) {
    if (error instanceof IntegrityError) throw error;
    throw new IntegrityError("INTEGRITY_MANIFEST", `${where} is not a line of a plan`, { cause: error });
  }
}
