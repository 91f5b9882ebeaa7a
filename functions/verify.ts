import * as z from "zod";
import type { Backup } from "../lib/backup.ts";
import { type Invocation, withFunctionBackup } from "../lib/function-backup.ts";
import { aboutStep, stepPointerSchema } from "../lib/function-steps.ts";
import { concludeStep, splitStep, verifyPartStep, verifyStep } from "../lib/function-verify.ts";

const pointer = stepPointerSchema;
const eventSchema = z.union([
  z.strictObject({ pointer, part: z.looseObject({ n: z.int().nonnegative() }) }),
  z.strictObject({ pointer, do: z.enum(["verify", "split"]) }),
  z.strictObject({ pointer, do: z.literal("conclude"), round: z.int().nonnegative() }),
]);

/** Reads back what is new, and proves it: in one call, or where that is too much in a call for each part and one for the end. */
export const handler = (event: unknown, invocation: Invocation) => {
  const asked = eventSchema.parse(event);
  const { pointer } = asked;
  const about = { ...aboutStep(pointer), ...("part" in asked ? { part: asked.part.n } : {}) };
  return withFunctionBackup(invocation, (backup) => stepOf(backup, asked), { about });
};

function stepOf(backup: Backup, asked: z.infer<typeof eventSchema>): Promise<unknown> {
  const { pointer } = asked;
  if ("part" in asked) return verifyPartStep(backup, pointer, { n: asked.part.n, compute: "lambda" });
  if (asked.do === "conclude") return concludeStep(backup, pointer, asked.round);
  return asked.do === "split" ? splitStep(backup, pointer) : verifyStep(backup, pointer);
}
