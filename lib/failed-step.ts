import * as z from "zod";
import { CodedError, type ErrorCode, type ErrorRecord, errorCodes, LeaseHeldError } from "./errors.ts";

/** How a step of a run on AWS failed, as the state machine caught it. */
export interface FailedStep {
  readonly step?: string | undefined;
  /** The name of what was thrown, Lambda's own errors among them. */
  readonly error?: string | undefined;
  /** JSON of Lambda's, or a text. */
  readonly cause?: string | undefined;
}

const MAX_CAUSE = 500;
const thrownSchema = z.object({ errorMessage: z.string() });

/** What to tell of it; `INTERNAL` for what was thrown without a code. */
export function failedStep({ step, error, cause }: FailedStep): ErrorRecord {
  const said = messageIn(cause);
  const [, code = "", message = ""] = /^([A-Z_]+): (.*)$/s.exec(said) ?? [];
  if (!isCode(code)) return { code: "INTERNAL", message: `${step}: ${error}: ${said}`, retryable: false };
  return { code, message: `${step}: ${message}`, retryable: error === "TransientError" };
}

/**
 * What a function is to throw for `thrown`, so that `failedStep` finds its code. Of what is thrown Lambda hands over the
 * name, by which the state machine routes, and the message, and it logs all of it: so nothing else of `thrown` is in there,
 * such as its cause, and both texts are redacted. The message of a lease that another process holds is shown as it is.
 */
export function carryingCode(thrown: unknown, redact: (text: string) => string): Error {
  const error = thrown instanceof Error ? thrown : new Error(String(thrown));
  const { name, message, stack = message } = error;
  const isCoded = error instanceof CodedError && !(error instanceof LeaseHeldError);
  const told = new Error(redact(isCoded ? `${error.code}: ${message}` : message));
  return Object.assign(told, { name, stack: redact(stack) });
}

const isCode = (text: string): text is ErrorCode => Object.hasOwn(errorCodes, text);

function messageIn(cause = ""): string {
  try {
    return thrownSchema.parse(JSON.parse(cause)).errorMessage;
  } catch {
    return cause.slice(0, MAX_CAUSE);
  }
}
