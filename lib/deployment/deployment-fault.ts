import { CodedError, type ErrorCode, TransientError } from "../errors.ts";
import { networkRefusal } from "../network/refusal.ts";
import { type Stack, stackName } from "./stack.ts";

const NO_CREDENTIALS = new Set(["CredentialsProviderError", "TokenProviderError"]);
const REFUSED = new Set([
  "UnrecognizedClientException",
  "InvalidSignatureException",
  "InvalidClientTokenId",
  "ExpiredTokenException",
  "IncompleteSignature",
]);
const GONE = new Set(["StateMachineDoesNotExist", "ExecutionDoesNotExist", "StateMachineDeleting"]);
const LATER = new Set(["ThrottlingException", "TimeoutError", "ServiceUnavailable", "InternalFailure"]);

/** What AWS throws, in the words of an operator. */
export function deploymentFault(error: unknown, stack: Stack): unknown {
  if (error instanceof CodedError || !(error instanceof Error)) return error;
  const refused = networkRefusal(error);
  if (refused !== undefined) return refused;
  const fault = (code: ErrorCode, message: string) => new CodedError(code, message, { cause: error });
  const { name, message } = error;
  const what = `${stackName(stack)} in ${stack.region}`;
  if (NO_CREDENTIALS.has(name))
    return fault("DEPLOYMENT_FORBIDDEN", `${what}: there are no AWS credentials here (AWS_PROFILE, aws configure …)`);
  if (REFUSED.has(name)) return fault("DEPLOYMENT_FORBIDDEN", `${what}: AWS refuses the credentials (${name})`);
  if (name === "AccessDeniedException") return fault("DEPLOYMENT_FORBIDDEN", `${what}: ${message}`);
  if (GONE.has(name)) return fault("DEPLOYMENT_NOT_FOUND", `${what}: ${message}`);
  const status = "$metadata" in error ? statusOf(error.$metadata) : undefined;
  if (LATER.has(name) || status === undefined || status >= 500 || status === 429)
    return new TransientError("DEPLOYMENT_UNAVAILABLE", `${what}: AWS does not answer (${name}: ${message})`, {
      cause: error,
    });
  return fault("DEPLOYMENT_UNAVAILABLE", `${what}: ${name}: ${message}`);
}

function statusOf(metadata: unknown): number | undefined {
  if (typeof metadata !== "object" || metadata === null || !("httpStatusCode" in metadata)) return undefined;
  return typeof metadata.httpStatusCode === "number" ? metadata.httpStatusCode : undefined;
}
