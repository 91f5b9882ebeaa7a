import { randomBytes } from "node:crypto";
import { isGone, thisProcess } from "../../process-identity.ts";

/** No proof takes this long; from then on other machines may drop what it left. */
const ABANDONED_AFTER_MS = 7 * 24 * 60 * 60 * 1000;
const NAME = /^core_backup_proof_([0-9a-f]{12})_([0-9a-z]+)_([0-9a-z]+)_([0-9a-z]+)_[0-9a-f]{6}$/;

/** For a database of one proof: nobody else's, and it says whose it is and until when. Below 63 characters, which is all that one may have. */
export function proofName(now: Date): string {
  const { machine, pid, start } = thisProcess();
  const until = Math.floor((now.getTime() + ABANDONED_AFTER_MS) / 1000);
  const numbers = [pid, start, until].map((number) => number.toString(36));
  return ["core_backup_proof", machine, ...numbers, randomBytes(3).toString("hex")].join("_");
}

/** True for what `proofName` gives: a copy that is gone soon, and nothing to back up. */
export const isProofName = (name: string): boolean => NAME.test(name);

/** True for one of a process that ended before it could drop it: of this machine, or of another one whose time is over. */
export function isAbandonedProof(name: string, now: Date): boolean {
  const [, machine, ...texts] = NAME.exec(name) ?? [];
  if (machine === undefined) return false;
  const [pid = 0, start = 0, until = 0] = texts.map((text) => Number.parseInt(text, 36));
  return isGone({ machine, pid, start }) || now.getTime() / 1000 > until;
}
