import * as z from "zod";

const eventSchema = z.object({
  outcome: z.looseObject({ status: z.string() }),
  /** Whether the execution was redriven since its run began. */
  redriven: z.boolean(),
});

/**
 * The last state of a run that did not end well: throws, so that the console shows what happened by the error's name. A state
 * of type Fail could not be redriven; this one answers when it is, and the machine begins again with what is missing.
 */
export const handler = async (event: unknown) => {
  const { outcome, redriven } = eventSchema.parse(event);
  if (redriven) return { again: true };
  throw Object.assign(new Error(JSON.stringify(outcome)), {
    name: outcome.status === "partial" ? "BackupPartial" : "BackupFailed",
  });
};
