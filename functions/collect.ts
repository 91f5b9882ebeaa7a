import * as z from "zod";
import { deferralMetrics } from "../lib/deployment/deferral-metrics.ts";
import { endedStep, endingSchema } from "../lib/ended-step.ts";
import { type Invocation, withFunctionBackup } from "../lib/function-backup.ts";
import { aboutStep, collectStep, stepPointerSchema } from "../lib/function-steps.ts";
import { planLineSchema } from "../lib/plan-line.ts";

const eventSchema = z.object({ pointer: stepPointerSchema, unit: planLineSchema, ended: endingSchema.optional() });

/**
 * One unit of the plan, or with `ended` what became of one. Its failure is a result; it is also the state machine's to wait
 * when the source asked for that, and to give it to a task when the function's time is up.
 */
export const handler = async (event: unknown, invocation: Invocation) => {
  const { pointer, unit, ended } = eventSchema.parse(event);
  return withFunctionBackup(
    invocation,
    async (backup, asConfigured) => {
      const collected =
        ended === undefined
          ? await collectStep(backup, pointer, unit, asConfigured)
          : await endedStep(backup, pointer, unit, ended);
      const { resumeAt } = collected;
      if (resumeAt !== undefined) {
        const deferred = { ...pointer, unit: unit.id, resumeAt };
        const line = deferralMetrics(process.env.STACK ?? "", deferred, backup.now());
        process.stdout.write(`${backup.redaction.redact(line)}\n`);
      }
      return collected;
    },
    { about: { ...aboutStep(pointer), unit: unit.id } },
  );
};
