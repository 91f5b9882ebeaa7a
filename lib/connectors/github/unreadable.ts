import { type Answer, messageOf } from "./response.ts";

/** Why a kind cannot be read: it is switched off, we lack the right, or GitHub blocks it. */
export type Barrier = "DISABLED" | "FORBIDDEN" | "BLOCKED";

/** A kind that cannot be read, which is a result and no failure by itself. */
export class UnreadableError extends Error {
  readonly barrier: Barrier;
  readonly status: number;

  constructor(barrier: Barrier, status: number, message: string) {
    super(message);
    this.barrier = barrier;
    this.status = status;
  }
}
Object.defineProperty(UnreadableError.prototype, "name", { value: "UnreadableError", enumerable: false });

const SWITCHED_OFF =
  /disabled|not enabled|must be enabled|not (?:been )?configured|no analysis found|upgrade to|not available|archived/i;

/**
 * What a refusal means; undefined for a status that is none. GitHub answers 404 both for what is not there and for what we may not see:
 * `absent` says which is meant for this kind.
 */
export function barrierOf({ status, json }: Answer, absent: "DISABLED" | "FORBIDDEN"): UnreadableError | undefined {
  const message = messageOf(json);
  const barrier = barrierFor(status, message, json, absent);
  return barrier === undefined
    ? undefined
    : new UnreadableError(barrier, status, message === "" ? `${status}` : `${status}: ${message}`);
}

function barrierFor(
  status: number,
  message: string,
  json: unknown,
  absent: "DISABLED" | "FORBIDDEN",
): Barrier | undefined {
  switch (status) {
    case 451:
      return "BLOCKED";
    case 410:
    // What is asked for is of another setting than the one that is chosen, such as a list of actions where all may run.
    case 409:
      return "DISABLED";
    case 403:
      if (typeof json === "object" && json !== null && "block" in json) return "BLOCKED";
      return SWITCHED_OFF.test(message) ? "DISABLED" : "FORBIDDEN";
    case 404:
      return SWITCHED_OFF.test(message) ? "DISABLED" : absent;
    default:
      return undefined;
  }
}

/** 410 is the answer for what is off, which its message tells, and for an object that was deleted. */
export const isOfOneObject = ({ status, message }: UnreadableError): boolean =>
  status === 410 && !SWITCHED_OFF.test(message);
