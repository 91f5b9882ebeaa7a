import { type ErrorCode, SourceError, TransientError } from "../../../errors.ts";
import { networkRefusal } from "../../../network/refusal.ts";
import type { EnginePlace } from "./connect.ts";

/** The Engine answered, and it was no. `status` is HTTP's. */
export class EngineRefusal extends SourceError {
  readonly status: number;

  constructor(status: number, message: string) {
    super(CODES[status] ?? "SOURCE_FAILED", message);
    this.status = status;
  }
}
Object.defineProperty(EngineRefusal.prototype, "name", { value: "EngineRefusal", enumerable: false });

const CODES: Readonly<Record<number, ErrorCode>> = {
  401: "SOURCE_UNAUTHORIZED",
  403: "SOURCE_FORBIDDEN",
  404: "SOURCE_NOT_FOUND",
};

/** `text` is the answer's body: JSON with a message, or whatever a proxy says. */
export function refusal(status: number, text: string, { name }: EnginePlace, what: string): Error {
  const message = `the Engine at ${name} ${what}: ${messageOf(text) || `HTTP ${status}`}`;
  if (status === 502 || status === 503 || status === 504) return new TransientError("SOURCE_UNAVAILABLE", message);
  return new EngineRefusal(status, message);
}

function messageOf(text: string): string {
  try {
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed === "object" && parsed !== null && "message" in parsed) return String(parsed.message).trim();
  } catch {
    // No JSON.
  }
  return text.trim().slice(0, 300);
}

/** A connection that could not be made, or that broke. */
export function connectionFault(error: unknown, place: EnginePlace): Error {
  if (error instanceof SourceError || error instanceof TransientError) return error;
  const refused = networkRefusal(error);
  if (refused !== undefined) return refused;
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  const what = error instanceof Error ? error.message : String(error);
  const { name, host, tls } = place;
  if (code === "EACCES" || code === "EPERM") {
    return new SourceError(
      "SOURCE_FORBIDDEN",
      `this user may not open ${name}: run core-backup as root, or as a member of the socket's group (usually docker, whose members can do all that root can), or use a rootless Engine`,
      { cause: error },
    );
  }
  if (code === "ENOENT" || code === "ENOTSOCK" || (code === "ECONNREFUSED" && host.kind === "unix")) {
    return new TransientError(
      "SOURCE_UNAVAILABLE",
      `no Docker Engine listens at ${name}: start it, or say where it is with host or DOCKER_HOST`,
      { cause: error },
    );
  }
  if (/CERT|SIGNATURE|ALERT|TLS|SSL|PEM|ERR_OSSL/.test(code)) {
    return new SourceError("SOURCE_UNAUTHORIZED", `${name}: no TLS connection: ${what}`, { cause: error });
  }
  if (host.kind === "tcp" && tls === undefined && (code === "ECONNRESET" || code.startsWith("HPE_"))) {
    return new TransientError("SOURCE_UNAVAILABLE", `${name} breaks the connection off; does it want tls?`, {
      cause: error,
    });
  }
  if (code.startsWith("HPE_"))
    return new SourceError("SOURCE_PROTOCOL", `what listens at ${name} speaks no HTTP: ${what}`, { cause: error });
  return new TransientError("SOURCE_UNAVAILABLE", `the Engine at ${name} cannot be reached: ${what || code}`, {
    cause: error,
  });
}

/** A body that ended before it was whole. */
export function brokenOff(error: unknown, { name }: EnginePlace): TransientError {
  const what = error instanceof Error ? error.message : String(error);
  return new TransientError(
    "SOURCE_TRUNCATED",
    `the Engine at ${name} broke off in the middle of its answer: ${what}`,
    {
      cause: error,
    },
  );
}
