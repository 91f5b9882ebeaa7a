import type { Backup } from "../../lib/backup.ts";
import type { Config } from "../../lib/config/schema.ts";
import { openStep } from "../../lib/function-backup.ts";
import { createRedaction } from "../../lib/secrets/redaction.ts";

/** What a step of the state machine works with, but for a bucket that takes a copy of the plan: no machine reads it here. */
export async function openStepAlone(config: Config): Promise<Backup> {
  const backup = await openStep(config, {
    fields: {},
    redaction: createRedaction(),
    env: {},
    signal: new AbortController().signal,
  });
  return { ...backup, planCopies: async () => undefined };
}
