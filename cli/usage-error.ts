import { CodedError } from "../lib/errors.ts";

/** The command line is wrong. Exit code 2; nothing was done. */
export class UsageError extends CodedError {
  constructor(message: string, options?: ErrorOptions) {
    super("USAGE", message, options);
  }
}
