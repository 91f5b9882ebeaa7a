import { type Invocation, withFunctionBackup } from "../lib/function-backup.ts";
import { aboutStep, finishStep, stepPointerSchema } from "../lib/function-steps.ts";

/** Plan and records become the manifest. */
export const handler = (event: unknown, invocation: Invocation) => {
  const pointer = stepPointerSchema.parse(event);
  return withFunctionBackup(invocation, (backup) => finishStep(backup, pointer), { about: aboutStep(pointer) });
};
