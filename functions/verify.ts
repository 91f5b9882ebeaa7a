import { type Invocation, withFunctionBackup } from "../lib/function-backup.ts";
import { aboutStep, stepPointerSchema, verifyStep } from "../lib/function-steps.ts";

/** Reads back what is new, and proves it. */
export const handler = (event: unknown, invocation: Invocation) => {
  const pointer = stepPointerSchema.parse(event);
  return withFunctionBackup(invocation, (backup) => verifyStep(backup, pointer), { about: aboutStep(pointer) });
};
