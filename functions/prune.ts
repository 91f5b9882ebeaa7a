import { type Invocation, withFunctionBackup } from "../lib/function-backup.ts";
import { aboutStep, pruneStep, stepPointerSchema } from "../lib/function-steps.ts";

/** Applies the retention and gives the lease back: the only function that may remove. */
export const handler = (event: unknown, invocation: Invocation) => {
  const pointer = stepPointerSchema.parse(event);
  return withFunctionBackup(invocation, (backup) => pruneStep(backup, pointer), { about: aboutStep(pointer) });
};
