import { firstFault, type Manifest, type Verification } from "../manifest.ts";
import type { SnapshotEntry } from "../snapshot-entry.ts";
import type { StepTime } from "./run-trace.ts";

/**
 * The steps of a run that were processes of their own, as its documents tell them: plan until the first unit begins, collect
 * until the last one has ended, finish until the manifest, verify as verified.json says. No document tells of prune. Pure.
 */
export function documentedSteps({ manifest, manifestSha256, verification }: SnapshotEntry): StepTime[] {
  if (manifest === undefined) return [];
  const isOfThis = verification?.manifestSha256 === manifestSha256;
  return [...collected(manifest), ...(isOfThis ? [verified(verification)] : [])];
}

function collected({ units, startedAt, finishedAt }: Manifest): StepTime[] {
  const [from, to] = [Date.parse(startedAt), Date.parse(finishedAt)];
  let [began, ended] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const unit of units) {
    if (unit.startedAt === undefined) continue;
    began = Math.min(began, Date.parse(unit.startedAt));
    ended = Math.max(ended, Date.parse(unit.startedAt) + unit.durationMs);
  }
  // Nothing was collected, and nothing tells where the one ended and the other began.
  if (ended < began) return [step("plan", from, to)];
  return [step("plan", from, began), step("collect", began, ended), step("finish", ended, to)];
}

function verified(verification: Verification): StepTime {
  const { ok, verifiedAt, durationMs } = verification;
  const ended = Date.parse(verifiedAt);
  const error = firstFault(verification);
  return {
    ...step("verify", ended - durationMs, ended),
    ...(ok || error === undefined ? {} : { errorCode: error.code }),
  };
}

/** Clocks of two machines differ: nothing ends before it began. */
const step = (name: string, from: number, to: number): StepTime => ({
  name,
  startedAt: new Date(from).toISOString(),
  endedAt: new Date(Math.max(from, to)).toISOString(),
});
