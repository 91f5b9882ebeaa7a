import {
  CodedError,
  EgressError,
  type ErrorCode,
  NotFoundError,
  ProxyError,
  StorageError,
  TransientError,
} from "../../errors.ts";
import { networkRefusal } from "../../network/refusal.ts";
import { networkFault } from "./network-fault.ts";
import { plainRefusal } from "./plain-proxy.ts";

/** What a request was for, so that its failure can say it. */
export interface Doing {
  /** `storing job/day/a.bin`. */
  readonly what: string;
  /** The rights it takes, as policies name them: `s3:PutObject`. */
  readonly needs: readonly string[];
}

/** Of whom an error speaks. */
export interface Named {
  /** The storage's name in the configuration. */
  readonly name: string;
  readonly bucket: string;
  /** The address of the proxy that hands its answers on, where that is no tunnel. */
  readonly plainProxy?: string | undefined;
}

interface Answer {
  /** The code in the body of the answer, such as `AccessDenied`; that of HEAD has no body, and then it is a word for its status. */
  readonly code: string;
  readonly status: number | undefined;
  readonly message: string;
  header(name: string): string | undefined;
}

const UNAUTHORIZED = new Map([
  ["InvalidAccessKeyId", "the access key is not known there"],
  ["UnrecognizedClientException", "the access key is not known there"],
  ["SignatureDoesNotMatch", "the secret access key is wrong"],
  ["ExpiredToken", "the session token has expired"],
  ["ExpiredTokenException", "the session token has expired"],
  ["TokenRefreshRequired", "the session token has expired"],
  ["InvalidToken", "the session token is not valid"],
  ["InvalidClientTokenId", "the access key is not known there"],
  ["CredentialsProviderError", "there are no credentials: neither in the configuration nor where the AWS SDK looks"],
]);
const FORBIDDEN = new Set([
  "AccessDenied",
  "AccessDeniedException",
  "AllAccessDisabled",
  "AccountProblem",
  "Forbidden",
]);
const FULL = new Set(["QuotaExceeded", "XMinioStorageFull", "XMinioAdminBucketQuotaExceeded", "InsufficientStorage"]);
/** What was sent did not arrive as it was. */
const DAMAGED = new Set([
  "BadDigest",
  "InvalidDigest",
  "IncompleteBody",
  "XAmzContentChecksumMismatch",
  "XAmzContentSHA256Mismatch",
]);
const PASSING = new Set([
  "RequestTimeout",
  "SlowDown",
  "Throttling",
  "ThrottlingException",
  "TooManyRequests",
  "ServiceUnavailable",
  "InternalError",
  "OperationAborted",
  "ConditionalRequestConflict",
]);
/** Longer waits are not honoured: a run would look as if it hung. */
const MAX_RETRY_AFTER_MS = 5 * 60_000;

/** The failure of a request in our words, naming the storage, the bucket and what is missing. Ours are left as they are. */
export function s3Error(store: Named, doing: Doing, error: unknown): Error {
  // A limit of the caller is no fault of the store.
  if (error instanceof CodedError && !(error instanceof EgressError || error instanceof ProxyError)) return error;
  if (error instanceof RangeError) return error;
  const head = `storage ${store.name}, bucket ${store.bucket}: ${doing.what}`;
  const options = { cause: error };
  const fail = (code: ErrorCode, why: string) => new StorageError(code, `${head}: ${why}`, options);
  const answer = answerOf(error);
  const refused =
    store.plainProxy === undefined
      ? networkRefusal(error)
      : (plainRefusal(store.plainProxy, answer?.status, answer?.header("content-type")) ?? networkRefusal(error));
  if (refused !== undefined) return fail(refused.code, refused.message);
  if (answer === undefined) {
    const fault = networkFault(error);
    if (fault === undefined) return fail("STORAGE_FAILED", error instanceof Error ? error.message : String(error));
    return fault.passes
      ? new TransientError("STORAGE_FAILED", `${head}: ${fault.message}`, options)
      : fail("STORAGE_FAILED", fault.message);
  }
  const { code, status, message } = answer;
  const unauthorized = UNAUTHORIZED.get(code);
  if (unauthorized !== undefined) return fail("STORAGE_UNAUTHORIZED", `${unauthorized} (${said(answer)})`);
  if (code === "RequestTimeTooSkewed" || code === "RequestExpired") {
    return fail("STORAGE_CLOCK", `this machine's clock differs too much from the storage's (${said(answer)})`);
  }
  const region = otherRegion(answer);
  if (region !== undefined) return fail("STORAGE_REGION", region);
  if (code === "NoSuchBucket") return fail("STORAGE_NOT_FOUND", "there is no such bucket");
  if (code === "NoSuchKey" || (status === 404 && code === "NotFound")) {
    return new NotFoundError(`${head}: it is not there`, options);
  }
  if (FORBIDDEN.has(code) || code.startsWith("KMS.")) {
    return fail(
      "STORAGE_FORBIDDEN",
      `the credentials lack the right: it takes ${doing.needs.join(" and ")} (${said(answer)})`,
    );
  }
  if (status === 412 || code === "PreconditionFailed") return fail("STORAGE_CHANGED", "it is not what it was");
  if (FULL.has(code) || status === 507) return fail("STORAGE_FULL", said(answer));
  if (DAMAGED.has(code)) {
    return new TransientError(
      "STORAGE_FAILED",
      `${head}: the bytes did not arrive as they were sent (${said(answer)})`,
      options,
    );
  }
  if (PASSING.has(code) || status === 429 || (status ?? 0) >= 500) {
    const retryAfterMs = waitAskedFor(answer);
    if (status !== 501)
      return new TransientError("STORAGE_FAILED", `${head}: ${said(answer)}`, { ...options, retryAfterMs });
  }
  return fail("STORAGE_FAILED", status === undefined ? `${code}: ${message}` : said(answer));
}

/** Whether the storage does not know what was asked of it, as a compatible one may not know conditions. */
export function isNotImplemented(error: unknown): boolean {
  const answer = error instanceof CodedError ? answerOf(error.cause) : answerOf(error);
  return (
    answer !== undefined && (answer.status === 501 || ["NotImplemented", "MethodNotAllowed"].includes(answer.code))
  );
}

/** What a compatible store says to a part of a request that it does not know. */
export const isUnsupported = (error: unknown): boolean =>
  isNotImplemented(error) || ["InvalidRequest", "InvalidArgument"].includes(answerCode(error) ?? "");

/** The code of the storage's own answer behind an error of ours. */
export const answerCode = (error: unknown): string | undefined =>
  error instanceof CodedError ? answerOf(error.cause)?.code : undefined;

/** Undefined for what is no answer of the server: a broken connection, a fault of ours. */
function answerOf(error: unknown): Answer | undefined {
  if (!(error instanceof Error)) return undefined;
  const metadata: unknown = "$metadata" in error ? error.$metadata : undefined;
  const status =
    typeof metadata === "object" && metadata !== null && "httpStatusCode" in metadata
      ? metadata.httpStatusCode
      : undefined;
  if (typeof status !== "number") {
    return error.name === "CredentialsProviderError"
      ? { code: error.name, status: undefined, message: error.message, header: () => undefined }
      : undefined;
  }
  return {
    code: codeOf(error, status),
    status,
    message: error.message,
    header: (name) => headerOf(error, name),
  };
}

function codeOf(error: Error, status: number): string {
  // Without a body the SDK has no name for most of them.
  const byStatus = new Map([
    [301, "PermanentRedirect"],
    [403, "Forbidden"],
    [404, "NotFound"],
    [412, "PreconditionFailed"],
  ]).get(status);
  const named = !/^(Error|Unknown|UnknownError|S3ServiceException|\d+)$/.test(error.name);
  return named ? error.name : (byStatus ?? "UnknownError");
}

function headerOf(error: Error, name: string): string | undefined {
  const response: unknown = "$response" in error ? error.$response : undefined;
  if (typeof response !== "object" || response === null || !("headers" in response)) return undefined;
  const { headers } = response;
  if (typeof headers !== "object" || headers === null) return undefined;
  const value: unknown = Object.entries(headers).find(([key]) => key.toLowerCase() === name)?.[1];
  return typeof value === "string" ? value : undefined;
}

/** What the storage itself said, which on AWS names the user, the right and the policy. */
function said({ code, status, message }: Answer): string {
  const text = ["", code, "Unknown", "UnknownError"].includes(message) ? code : `${code}: ${message}`;
  return status === undefined ? text : `${status} ${text}`;
}

function otherRegion(answer: Answer): string | undefined {
  const there = answer.header("x-amz-bucket-region") ?? /expecting ['"]([a-z0-9-]+)['"]/.exec(answer.message)?.[1];
  const isRegion =
    ["PermanentRedirect", "IllegalLocationConstraintException"].includes(answer.code) ||
    (answer.code === "AuthorizationHeaderMalformed" && /region/i.test(answer.message));
  if (!isRegion) return undefined;
  const mend = there === undefined ? "set region to that of the bucket" : `set region: ${there}`;
  return `the bucket is in another region: ${mend} (${said(answer)})`;
}

function waitAskedFor(answer: Answer): number {
  const text = answer.header("retry-after") ?? "";
  const ms = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - Date.parse(answer.header("date") ?? "");
  return Number.isFinite(ms) ? Math.min(Math.max(0, ms), MAX_RETRY_AFTER_MS) : 0;
}
