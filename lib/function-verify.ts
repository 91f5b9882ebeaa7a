import type { Backup } from "./backup.ts";
import { CodedError, MachineError } from "./errors.ts";
import { goingOn, type StepPointer } from "./function-steps.ts";
import { findJob } from "./jobs.ts";
import type { Verification } from "./manifest.ts";
import { isMachineUnable } from "./verify.ts";
import { FUNCTION_LIMITS, type PartLimits, type VerifyPart } from "./verify-part-limits.ts";
import { concludeParts, type Parts, splitVerification, verifyOrSplit, verifyPart } from "./verify-parts.ts";

/*
 * Verifying, in functions: what is small is done in one call. What is large is split, and the state machine has each part
 * verified by a call, or a task, of its own; those that are missing then once more.
 */

export interface Verified {
  /** When a byte or a proof was wrong; absent otherwise, so that the run's own status stays. */
  readonly status?: "failed";
  readonly verified: boolean;
  readonly proved: number;
}

export async function verifyStep(
  backup: Backup,
  pointer: StepPointer,
  limits: PartLimits = FUNCTION_LIMITS,
): Promise<Verified | Parts> {
  return goingOn(backup, pointer, async (step) =>
    answerOf(step, pointer, await onThisMachine(verifyOrSplit(step, pointer, limits))),
  );
}

/** For a verification whose function was killed, or too small. */
export async function splitStep(backup: Backup, pointer: StepPointer): Promise<Parts> {
  return goingOn(backup, pointer, async (step) => readable(step, pointer, await splitVerification(step, pointer)));
}

/** One part. What is thrown is for the state machine to try again, or to leave to the next round. */
export async function verifyPartStep(backup: Backup, pointer: StepPointer, part: VerifyPart): Promise<void> {
  await goingOn(backup, pointer, (step) => onThisMachine(verifyPart(step, pointer, part)));
}

/** After the parts were done, for the first time in round 0; answers those that are missing, where they are to be done again. */
export async function concludeStep(backup: Backup, pointer: StepPointer, round: number): Promise<Verified | Parts> {
  return goingOn(backup, pointer, async (step) => answerOf(step, pointer, await concludeParts(step, pointer, round)));
}

/** @throws MachineError for what another machine may do */
async function onThisMachine<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof CodedError && isMachineUnable(error))) throw error;
    throw new MachineError(error.code, error.message, { cause: error });
  }
}

async function answerOf(backup: Backup, pointer: StepPointer, done: Verification | Parts): Promise<Verified | Parts> {
  if ("partsKey" in done) return readable(backup, pointer, done);
  const { ok, proved } = done;
  return { ...(ok ? {} : { status: "failed" }), verified: ok, proved };
}

/** Where the state machine cannot read the storage, it is given a copy of the list of parts, as of the plan. */
async function readable(backup: Backup, { job: name }: StepPointer, parts: Parts): Promise<Parts> {
  const job = findJob(backup.config, name);
  const copies = await backup.planCopies?.(job);
  if (copies !== undefined) await copies.put(parts.partsKey, await (await backup.storage(job)).get(parts.partsKey));
  return parts;
}
