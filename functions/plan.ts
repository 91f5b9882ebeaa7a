import * as z from "zod";
import { type Invocation, withFunctionBackup } from "../lib/function-backup.ts";
import { beginRun } from "../lib/function-steps.ts";

const eventSchema = z.object({ job: z.string() });

/** The first state of a run: takes the job's lease and lists the units. */
export const handler = (event: unknown, invocation: Invocation) => {
  const { job } = eventSchema.parse(event);
  return withFunctionBackup(invocation, (backup) => beginRun(backup, { job }));
};
