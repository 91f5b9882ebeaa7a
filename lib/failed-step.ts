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
 * What a function is to throw for `error`, so that `failedStep` finds its code. Of what is thrown Lambda hands over the
 * name, by which the state machine routes, and the message. That of a lease that another process holds is shown as it is.
 */
export function carryingCode(error: unknown): unknown {
  if (!(error instanceof CodedError) || error instanceof LeaseHeldError) return error;
  const { code, message } = error;
  return message.startsWith(`${code}: `) ? error : Object.assign(error, { message: `${code}: ${message}` });
}

const isCode = (text: string): text is ErrorCode => Object.hasOwn(errorCodes, text);

function messageIn(cause = ""): string {
  try {
    return thrownSchema.parse(JSON.parse(cause)).errorMessage;
  } catch {
    return cause.slice(0, MAX_CAUSE);
  }
}
