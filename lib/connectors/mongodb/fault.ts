import { CodedError, ConfigError, SourceError, TransientError } from "../../errors.ts";
import { networkRefusal } from "../../network/refusal.ts";

/** What the driver threw, in our words. `what` says what was being done: `reading app.users`. */
export function driverFault(error: unknown, what: string): unknown {
  if (error instanceof CodedError) return error;
  const refused = networkRefusal(error);
  if (refused !== undefined) return new SourceError(refused.code, `${what}: ${refused.message}`, { cause: error });
  if (isNameFault(error)) return nameFault(error, what);
  if (!isDriverError(error)) return error;
  const message = `${what}: ${error.message}`;
  const code = codeOf(error);
  if (isUnauthenticated(error, code)) return new SourceError("SOURCE_UNAUTHORIZED", message, { cause: error });
  if (code === CODES.unauthorized) return new SourceError("SOURCE_FORBIDDEN", message, { cause: error });
  if (isChangedUnderneath(code)) {
    return new TransientError(
      "SOURCE_UNAVAILABLE",
      `${what}: a collection was dropped or renamed meanwhile: ${error.message}`,
      {
        cause: error,
      },
    );
  }
  if (code === CODES.cursorNotFound || code === CODES.cursorKilled) {
    return new TransientError("SOURCE_UNAVAILABLE", `${what}: the server gave up the cursor: ${error.message}`, {
      cause: error,
    });
  }
  if (isUntrusted(error)) {
    return new SourceError("SOURCE_UNAVAILABLE", `${what}: the server's certificate is not trusted: ${error.message}`, {
      cause: error,
    });
  }
  if (isPassing(error, code)) return new TransientError("SOURCE_UNAVAILABLE", message, { cause: error });
  if (/^Mongo(Parse|InvalidArgument|MissingCredentials|API)Error$/.test(error.name)) {
    return new ConfigError(`${what}: ${error.message}`, { cause: error });
  }
  return new SourceError("SOURCE_FAILED", message, { cause: error });
}

/** What a name server said of a `mongodb+srv://` address, which the driver passes on as it is. */
function nameFault(error: NodeJS.ErrnoException, what: string): CodedError {
  const isAnswer = error.code === "ENOTFOUND" || error.code === "ENODATA";
  return isAnswer
    ? new SourceError(
        "SOURCE_UNAVAILABLE",
        `${what}: the domain of mongodb+srv:// names no servers: ${error.message}`,
        {
          cause: error,
        },
      )
    : new TransientError("SOURCE_UNAVAILABLE", `${what}: ${error.message}`, { cause: error });
}

const isNameFault = (error: unknown): error is NodeJS.ErrnoException =>
  error instanceof Error && "syscall" in error && /^query(Srv|Txt)$/.test(String(error.syscall));

/** True for a right that is lacking on one thing, in what the driver threw. */
export const isForbidden = (error: unknown): boolean =>
  isDriverError(error) && codeOf(error) === CODES.unauthorized && !isUnauthenticated(error, CODES.unauthorized);

/** True when a collection is not there (any more). */
export const isMissingNamespace = (error: unknown): boolean =>
  isDriverError(error) && codeOf(error) === CODES.namespaceNotFound;

/** True when the server cannot read at the moment that was asked for: too long ago, or not this kind of collection. */
export const isSnapshotRefused = (error: unknown): boolean =>
  isDriverError(error) &&
  [CODES.snapshotTooOld, CODES.snapshotUnavailable, CODES.invalidOptions].includes(codeOf(error) ?? 0);

const CODES = {
  hostUnreachable: 6,
  hostNotFound: 7,
  unauthorized: 13,
  authenticationFailed: 18,
  namespaceNotFound: 26,
  cursorNotFound: 43,
  invalidOptions: 72,
  cappedPositionLost: 136,
  queryPlanKilled: 175,
  cursorKilled: 237,
  snapshotTooOld: 239,
  snapshotUnavailable: 246,
  atlasError: 8000,
};

/** Elections, shutdowns, overload, and time limits: the driver's own list of what may be tried again, and a few. */
const PASSING = new Set([
  6, 7, 50, 64, 89, 91, 112, 134, 189, 202, 262, 317, 358, 384, 9001, 10107, 11600, 11602, 13388, 13435, 13436,
]);

interface DriverError extends Error {
  readonly code?: unknown;
}

/** By name, so that the driver need not be loaded to tell. */
const isDriverError = (error: unknown): error is DriverError =>
  error instanceof Error && /^Mongo|^PoolCleared/.test(error.name);

const codeOf = (error: DriverError): number | undefined => (typeof error.code === "number" ? error.code : undefined);

function isUnauthenticated(error: DriverError, code: number | undefined): boolean {
  if (code === CODES.authenticationFailed) return true;
  if (code === CODES.atlasError) return /auth/i.test(error.message);
  if (code === CODES.unauthorized)
    return /requires authentication|not authenticated|authentication required/i.test(error.message);
  return error.name === "MongoAWSError" || /bad auth|Authentication failed/i.test(error.message);
}

const isChangedUnderneath = (code: number | undefined): boolean =>
  code === CODES.queryPlanKilled || code === CODES.cappedPositionLost || code === CODES.namespaceNotFound;

function isUntrusted(error: DriverError): boolean {
  return /certificate|self-signed|altnames|unable to get local issuer/i.test(error.message);
}

function isPassing(error: DriverError, code: number | undefined): boolean {
  if (code !== undefined && PASSING.has(code)) return true;
  return /Network|ServerSelection|PoolCleared|PoolClosed|WaitQueue|TopologyClosed|ServerClosed|NotConnected|OperationTimeout|StalePrimary|CursorExhausted|Retry/.test(
    error.name,
  );
}
