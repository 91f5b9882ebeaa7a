import * as z from "zod";
import { type Invocation, withFunctionBackup } from "../lib/function-backup.ts";
import { collectStep, stepPointerSchema } from "../lib/function-steps.ts";
import { planLineSchema } from "../lib/plan-line.ts";

const eventSchema = z.object({ pointer: stepPointerSchema, unit: planLineSchema });

/** One unit of the plan. Its failure is a result; it is also the state machine's to wait when the source asked for that. */
export const handler = (event: unknown, invocation: Invocation) => {
  const { pointer, unit } = eventSchema.parse(event);
  return withFunctionBackup(invocation, (backup) => collectStep(backup, pointer, unit));
};
