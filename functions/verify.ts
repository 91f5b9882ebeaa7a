import * as z from "zod";
import { type Invocation, withFunctionBackup } from "../lib/function-backup.ts";
import { aboutStep, stepPointerSchema } from "../lib/function-steps.ts";
import { concludeStep, splitStep, verifyPartStep, verifyStep } from "../lib/function-verify.ts";

const pointer = stepPointerSchema;
const eventSchema = z.union([
  z.strictObject({ pointer, part: z.looseObject({ n: z.int().nonnegative() }) }),
  z.strictObject({ pointer, do: z.enum(["verify", "split", "conclude"]) }),
]);
const wholeSteps = { verify: verifyStep, split: splitStep, conclude: concludeStep };

/** Reads back what is new, and proves it: in one call, or where that is too much in a call for each part and one for the end. */
export const handler = (event: unknown, invocation: Invocation) => {
  const asked = eventSchema.parse(event);
  const { pointer } = asked;
  if ("do" in asked)
    return withFunctionBackup(invocation, (backup) => wholeSteps[asked.do](backup, pointer), {
      about: aboutStep(pointer),
    });
  const { n } = asked.part;
  return withFunctionBackup(invocation, (backup) => verifyPartStep(backup, pointer, n), {
    about: { ...aboutStep(pointer), part: n },
  });
};
