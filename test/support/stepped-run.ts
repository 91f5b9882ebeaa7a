import { beginRun, collectStep, finishStep, type StepPointer } from "../../lib/function-steps.ts";
import { readPlan } from "../../lib/plan-line.ts";
import type { aBackup } from "./a-backup.ts";

/** A run of `docs` up to its manifest, each step as a function does it; nothing is verified yet. */
export async function steppedRun({ backup, storage }: ReturnType<typeof aBackup>): Promise<StepPointer> {
  const { pointer } = await beginRun(backup, { job: "docs", only: undefined });
  for await (const line of readPlan(storage, pointer)) await collectStep(backup, pointer, line, backup.config);
  await finishStep(backup, pointer);
  return pointer;
}
