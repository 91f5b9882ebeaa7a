import { type CodedError, NotifierError, TransientError } from "../errors.ts";
import { networkRefusal } from "../network/refusal.ts";

const LATER = new Set(["ThrottledException", "Throttling", "ThrottlingException", "InternalErrorException"]);
const NO_CREDENTIALS = new Set(["CredentialsProviderError", "TokenProviderError"]);
const NO_RIGHT = new Set([
  "AuthorizationErrorException",
  "AuthorizationError",
  "AccessDenied",
  "AccessDeniedException",
]);

/** Without `sns:GetTopicAttributes` nothing is known, but it answered. */
export const isNoRightToLook = (error: unknown): boolean => error instanceof Error && NO_RIGHT.has(error.name);

/** What the SDK throws, told apart by whether trying again may help. */
export function snsFault(error: unknown, topic: string): CodedError {
  const refused = networkRefusal(error);
  if (refused !== undefined) return new NotifierError(refused.code, `${topic}: ${refused.message}`);
  const { name, message, status } = partsOf(error);
  if (NO_CREDENTIALS.has(name)) {
    return new NotifierError("NOTIFIER_REFUSED", `${topic}: there are no AWS credentials here`);
  }
  const said = `${topic}: ${name}: ${message}`;
  // Without a status there was no answer.
  if (LATER.has(name) || status === undefined || status >= 500 || status === 429) {
    return new TransientError("NOTIFIER_UNREACHABLE", said);
  }
  return new NotifierError("NOTIFIER_REFUSED", said);
}

function partsOf(error: unknown): { name: string; message: string; status: number | undefined } {
  if (!(error instanceof Error)) return { name: "Error", message: String(error), status: undefined };
  const metadata: unknown = "$metadata" in error ? error.$metadata : undefined;
  const known = typeof metadata === "object" && metadata !== null && "httpStatusCode" in metadata;
  const status = known ? metadata.httpStatusCode : undefined;
  return { name: error.name, message: error.message, status: typeof status === "number" ? status : undefined };
}
