import type { Backup } from "./backup.ts";
import { goingOn, type StepPointer } from "./function-steps.ts";
import { findJob } from "./jobs.ts";
import { verifyPartsKey } from "./keys.ts";
import type { Verification } from "./manifest.ts";
import { FUNCTION_LIMITS, type PartLimits } from "./verify-part-limits.ts";
import { concludeParts, splitVerification, verifyOrSplit, verifyPart } from "./verify-parts.ts";

/*
 * Verifying, in functions: what is small is done in one call. What is large is split, and the state machine has each part
 * verified by a call, or a task, of its own.
 */

export interface Verified {
  /** When a byte or a proof was wrong; absent otherwise, so that the run's own status stays. */
  readonly status?: "failed";
  readonly verified: boolean;
  readonly proved: number;
}

export interface Split {
  /** Of the parts, relative to the prefix of the storage, or of the bucket for copies: one a line. */
  readonly partsKey: string;
  readonly parts: number;
}

export async function verifyStep(
  backup: Backup,
  pointer: StepPointer,
  limits: PartLimits = FUNCTION_LIMITS,
): Promise<Verified | Split> {
  return goingOn(backup, pointer, async (step) => {
    const done = await verifyOrSplit(step, pointer, limits);
    return "parts" in done ? splitOf(step, pointer, done) : verifiedOf(done);
  });
}

/** For a verification whose function was killed. */
export async function splitStep(backup: Backup, pointer: StepPointer): Promise<Split> {
  return goingOn(backup, pointer, async (step) => splitOf(step, pointer, await splitVerification(step, pointer)));
}

/** One part. What is thrown is for the state machine to try again, or to do without: then `concludeStep` throws. */
export async function verifyPartStep(backup: Backup, pointer: StepPointer, n: number): Promise<void> {
  await goingOn(backup, pointer, (step) => verifyPart(step, pointer, n));
}

export async function concludeStep(backup: Backup, pointer: StepPointer): Promise<Verified> {
  return goingOn(backup, pointer, async (step) => verifiedOf(await concludeParts(step, pointer)));
}

/** Where the state machine cannot read the storage, it is given a copy of the parts, as of the plan. */
async function splitOf(
  backup: Backup,
  { job: name, snapshot }: StepPointer,
  { parts }: { readonly parts: number },
): Promise<Split> {
  const job = findJob(backup.config, name);
  const partsKey = verifyPartsKey(name, snapshot);
  const copies = await backup.planCopies?.(job);
  if (copies !== undefined) await copies.put(partsKey, await (await backup.storage(job)).get(partsKey));
  return { partsKey, parts };
}

const verifiedOf = ({ ok, proved }: Verification): Verified => ({
  ...(ok ? {} : { status: "failed" }),
  verified: ok,
  proved,
});
