/**
 * Every code that a manifest, a log line or `--json` can carry. The list is closed: docs/errors.md has a row for
 * each, and a test compares the two.
 */
export const errorCodes = {
  CONFIG_INVALID: "the configuration is wrong",
  SECRET_MISSING: "a secret that the configuration refers to cannot be had",
  SOURCE_UNAVAILABLE: "the source did not answer, or answered with a server fault",
  SOURCE_RATE_LIMITED: "the source asked to slow down",
  SOURCE_UNAUTHORIZED: "the source does not accept the credentials",
  SOURCE_FORBIDDEN: "the credentials lack a right at the source",
  SOURCE_NOT_FOUND: "the source does not exist, or is hidden from these credentials",
  SOURCE_REDIRECTED: "the source redirects to a place that is not followed",
  SOURCE_PROTOCOL: "the source's answer breaks its protocol",
  SOURCE_TRUNCATED: "the source's answer ended too early",
  SOURCE_CORRUPT: "the source's answer does not match its own checksum",
  SOURCE_SHALLOW: "the source holds only a part of its history",
  SOURCE_INCOMPLETE: "a part of the source could not be read; the rest is stored",
  SOURCE_EMPTY: "the source holds nothing to store",
  SOURCE_FAILED: "the program that reads the source failed",
  SCRATCH_FULL: "the folder for temporary files has no space left",
  STORAGE_FULL: "the storage has no space or no inodes left",
  STORAGE_FORBIDDEN: "the storage refuses the operation",
  STORAGE_UNAUTHORIZED: "the storage does not accept the credentials",
  STORAGE_NOT_FOUND: "the storage's bucket does not exist",
  STORAGE_REGION: "the storage's bucket is in another region",
  STORAGE_CLOCK: "this machine's clock differs too much from the storage's",
  STORAGE_NOT_MOUNTED: "the storage's mount point has nothing mounted on it",
  STORAGE_EXISTS: "the object exists already",
  STORAGE_CHANGED: "the object is not what it was",
  STORAGE_FAILED: "the storage failed",
  NOT_FOUND: "what was asked for is not in the storage",
  INTEGRITY_MISMATCH: "stored bytes differ from their manifest",
  INTEGRITY_MISSING: "the manifest names an object that is not there",
  INTEGRITY_MANIFEST: "the manifest itself is damaged or was changed",
  EGRESS_REFUSED: "the host is not in the egress list of the configuration",
  PROXY_REFUSED: "the proxy wants other credentials, or makes no connection to that host",
  SEALED: "it is encrypted, and no key at hand opens it",
  VERSION_UNKNOWN: "another version of core-backup wrote the document",
  ENCRYPTION_FAILED: "the program that encrypts or decrypts failed",
  PROOF_FAILED: "an artifact did not restore to what was collected",
  PROOF_ABORTED: "this machine could not prove an artifact, which says nothing of it",
  UNIT_LOST: "the unit has no record, or its record never ended",
  UNIT_KILLED: "what collected the unit was killed, or could not be started",
  UNIT_TIMEOUT: "the unit took longer than its timeout",
  VERIFY_LOST: "parts of a verification did not end, however often they were begun",
  LEASE_HELD: "another process is at work on the job",
  LEASE_LOST: "another process took over the job",
  JOB_LATE: "the job has no good snapshot within its deadline",
  JOB_NOT_PROVED: "the job has no proved snapshot within its deadline",
  JOB_NOT_STARTED: "a scheduled run of the job was never started",
  JOB_STUCK: "a run of the job ended without an end",
  SNAPSHOT_LOST: "a snapshot of the job is gone, and prune did not remove it",
  DEPLOYMENT_NOT_FOUND: "the deployment on AWS is not there, or lacks the job",
  DEPLOYMENT_FORBIDDEN: "AWS does not accept the credentials, or they lack a right",
  DEPLOYMENT_UNAVAILABLE: "AWS did not answer, or answered with a server fault",
  DEPLOYMENT_FAILED: "an execution on AWS did not end well",
  NOTIFIER_UNREACHABLE: "a notifier does not answer",
  NOTIFIER_REFUSED: "a notifier does not take the message or the credentials",
  METRICS_UNREACHABLE: "metrics cannot be written, or their server does not answer",
  METRICS_REFUSED: "a server does not take the metrics or the credentials",
  HOOK_FAILED: "a hook of the job failed",
  HOOK_TIMEOUT: "a hook of the job took longer than its timeout",
  INTERRUPTED: "the run was told to stop",
  USAGE: "the command line is wrong",
  REFUSED: "the operation would do harm and was not begun",
  INTERNAL: "a fault in core-backup itself",
} as const;

export type ErrorCode = keyof typeof errorCodes;

/** What a thrown value becomes in records, manifests and `--json`. */
export interface ErrorRecord {
  readonly code: ErrorCode;
  readonly message: string;
  readonly retryable: boolean;
}

/** Who holds the lease of a job, as `--json` and messages tell. Empty of a lease that cannot be read. */
export interface LeaseHolder {
  readonly purpose?: "run" | "prune";
  /** A run for some units alone. */
  readonly narrowed?: true | undefined;
  readonly host?: string;
  readonly pid?: number | undefined;
  readonly version?: string;
  readonly run?: string | undefined;
  readonly snapshot?: string | undefined;
  /** When it was taken, last renewed, and runs out unless it is renewed again: ISO 8601, by the holder's clock. */
  readonly since?: string;
  readonly renewedAt?: string;
  readonly expiresAt?: string;
}

/** The base of every error that has a code. Names are literals on the prototype: minifying renames classes. */
export class CodedError extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** One fault of a configuration file. `line` and `column` count from 1. */
export interface ConfigFault {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** `jobs[0].schedule`; empty for the document as a whole. */
  readonly path: string;
  readonly message: string;
}

/** The configuration is wrong, or a secret it refers to cannot be had. Exit code 2; nothing has been written. */
export class ConfigError extends CodedError {
  readonly faults: readonly ConfigFault[];

  constructor(message: string, options?: ErrorOptions & { code?: ErrorCode; faults?: readonly ConfigFault[] }) {
    super(options?.code ?? "CONFIG_INVALID", message, options);
    this.faults = options?.faults ?? [];
  }
}

/** May succeed when tried again. `retryAfterMs` is the least wait that the other side asked for. */
export class TransientError extends CodedError {
  readonly retryAfterMs: number;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions & { retryAfterMs?: number }) {
    super(code, message, options);
    this.retryAfterMs = options?.retryAfterMs ?? 0;
  }
}

/** Not now: the source named a moment to come back at. What was stored until then stays, and the unit goes on from there. */
export class DeferredError extends CodedError {
  readonly until: Date;
  /** That it came further than the time before, and goes on from there. */
  readonly isFurther: boolean;

  constructor(until: Date, message: string, options?: ErrorOptions & { isFurther?: boolean }) {
    super("SOURCE_RATE_LIMITED", message, options);
    this.until = until;
    this.isFurther = options?.isFurther ?? false;
  }
}

/** The source cannot be read, and trying again will not help. */
export class SourceError extends CodedError {}

/** The storage cannot do what was asked, and trying again will not help. */
export class StorageError extends CodedError {}

/** This machine cannot do it, which says nothing of what it was to do. A name by which the state machine gives it to a larger one. */
export class MachineError extends CodedError {}

/** The notifier does not take what it is given, and trying again will not help. */
export class NotifierError extends CodedError {}

/** Whoever collects metrics does not take them, and trying again will not help. */
export class MetricsError extends CodedError {}

/** A host that the configuration does not let this process reach. Nothing was sent; trying again will not help. */
export class EgressError extends CodedError {
  /** `place` is a host and a port, `list` the list that it is not in. */
  constructor(place: string, list: string) {
    super("EGRESS_REFUSED", `${place} is not in ${list}`);
  }
}

/** The proxy does not let a request through. Nothing of it reached its host; trying again will not help. */
export class ProxyError extends CodedError {
  /** `place` is the proxy's host and port, where that is known. */
  constructor(place: string | undefined, status: number) {
    const proxy = place === undefined ? "the proxy" : `the proxy ${place}`;
    super(
      "PROXY_REFUSED",
      `${proxy} ${status === 407 || status === 401 ? "wants other credentials" : "does not let it through"} (${status})`,
    );
  }
}

/** A command that the job's configuration has around the run did not end well. */
export class HookError extends CodedError {}

/** There is no such object, snapshot, unit or job. */
export class NotFoundError extends CodedError {
  constructor(message: string, options?: ErrorOptions) {
    super("NOT_FOUND", message, options);
  }
}

/** Bytes are not what they were. Never retried. */
export class IntegrityError extends CodedError {}

/** What is encrypted cannot be opened, or cannot be encrypted. Says nothing about the stored bytes. */
export class EncryptionError extends CodedError {}

/** Doing it would go too far, so nothing was done. */
export class RefusedError extends CodedError {
  constructor(message: string, options?: ErrorOptions) {
    super("REFUSED", message, options);
  }
}

/** The signals that end a run in order: Ctrl-C, a supervisor, a terminal that was closed. */
export type StopSignal = "SIGINT" | "SIGTERM" | "SIGHUP";

/** Another process is at work on the job; nothing was begun. */
export class LeaseHeldError extends CodedError {
  readonly holder: LeaseHolder;

  constructor(message: string, holder: LeaseHolder) {
    super("LEASE_HELD", message);
    this.holder = holder;
  }
}

/**
 * What works on the job is no run of all of it, so that this run is missing and not too much. A name of its own, as the
 * state machine passes over a run that is refused by another one.
 */
export class LeaseBlockedError extends CodedError {
  constructor(message: string, options?: ErrorOptions) {
    super("LEASE_HELD", message, options);
  }
}

/** Another process took over the job: whatever is not committed is its to finish. */
export class LeaseLostError extends CodedError {
  constructor(message: string, options?: ErrorOptions) {
    super("LEASE_LOST", message, options);
  }
}

/** The run was told to stop by a signal. `signal` gives the exit code: 130 for SIGINT, 143 for SIGTERM, 129 for SIGHUP. */
export class InterruptedError extends CodedError {
  readonly signal: StopSignal;

  constructor(signal: StopSignal) {
    super("INTERRUPTED", `interrupted by ${signal}`);
    this.signal = signal;
  }
}

const literalNames: readonly [{ readonly prototype: Error }, string][] = [
  [CodedError, "CodedError"],
  [ConfigError, "ConfigError"],
  [TransientError, "TransientError"],
  [DeferredError, "DeferredError"],
  [SourceError, "SourceError"],
  [StorageError, "StorageError"],
  [MachineError, "MachineError"],
  [NotifierError, "NotifierError"],
  [MetricsError, "MetricsError"],
  [EgressError, "EgressError"],
  [ProxyError, "ProxyError"],
  [HookError, "HookError"],
  [NotFoundError, "NotFoundError"],
  [IntegrityError, "IntegrityError"],
  [EncryptionError, "EncryptionError"],
  [RefusedError, "RefusedError"],
  [LeaseHeldError, "LeaseHeldError"],
  [LeaseBlockedError, "LeaseBlockedError"],
  [LeaseLostError, "LeaseLostError"],
  [InterruptedError, "InterruptedError"],
];
for (const [errorClass, name] of literalNames) {
  Object.defineProperty(errorClass.prototype, "name", { value: name, enumerable: false });
}

/** The record of any thrown value. An error without a code is a fault of ours: `INTERNAL`. */
export function errorRecord(thrown: unknown, redact: (text: string) => string): ErrorRecord {
  const error = thrown instanceof Error ? thrown : new Error(String(thrown));
  const code = error instanceof CodedError ? error.code : "INTERNAL";
  return {
    code,
    message: redact(error.message),
    retryable: error instanceof TransientError || error instanceof DeferredError,
  };
}
