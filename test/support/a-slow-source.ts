import type { Connector, JsonValue } from "../../lib/connectors/connector.ts";
import { DeferredError } from "../../lib/errors.ts";
import { planStep } from "../../lib/function-steps.ts";
import { aBackup } from "./a-backup.ts";

interface Listed {
  readonly notes: JsonValue;
  readonly units: readonly string[];
  /** It is not put off any more. */
  readonly isWhole?: boolean;
}

/** A backup whose source is put off each time, after `work` noted how far it came. `told`: what it was to go on by. */
export function aSlowSource(work: (before: unknown) => Listed, changes: Parameters<typeof aBackup>[0] = {}) {
  const a = aBackup({ ...changes, waits: "elsewhere" });
  const told: unknown[] = [];
  const connector: Connector = {
    ...a.source.connector,
    async *units(_, { checkpoint } = {}) {
      told.push(checkpoint?.before);
      const { notes, units, isWhole = false } = work(checkpoint?.before);
      checkpoint?.note(() => notes);
      for (const id of units) yield { id, compute: "lambda", input: {} };
      if (!isWhole) throw new DeferredError(a.clock.time, "the limit is used up");
    },
  };
  const backup = { ...a.backup, connector: async () => connector };
  const input = { job: "docs", execution: "arn:one", executionState: async () => "running" as const };
  const since = new Date("2026-11-20T03:00:00Z");
  return {
    ...{ a, told },
    planned: (only?: readonly string[]) => planStep(backup, { ...input, since, only }, backup.config),
  };
}
