import type { HistoryEvent } from "@aws-sdk/client-sfn";
import * as z from "zod";

/** What a run began with, once its first state has ended. */
export interface BegunExecution {
  readonly run: string;
  readonly snapshot: string;
  readonly units: number;
}

const begunSchema = z.object({
  pointer: z.object({ run: z.string(), snapshot: z.string() }),
  units: z.number(),
});

/**
 * What an execution last began with; undefined while its units are being listed. A plan can be put off and made again, and so
 * can that of a redriven execution: only the last one counts. `newestFirst` is read no further than it needs.
 */
export async function begunExecution(newestFirst: AsyncIterable<HistoryEvent>): Promise<BegunExecution | undefined> {
  for await (const { stateEnteredEventDetails: entered, stateExitedEventDetails: left } of newestFirst) {
    if (entered?.name === "Plan") return undefined;
    if (left?.name !== "Plan") continue;
    const output = begunSchema.safeParse(JSON.parse(left.output ?? "null"));
    return output.success ? { ...output.data.pointer, units: output.data.units } : undefined;
  }
  return undefined;
}
