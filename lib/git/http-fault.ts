import type { Bytes } from "../bytes.ts";
import { type CodedError, SourceError, TransientError } from "../errors.ts";
import { networkRefusal } from "../network/refusal.ts";
import { retryAfterMs } from "../retry-after.ts";
import { truncated } from "./byte-reader.ts";
import type { HttpRemote } from "./http-remote.ts";
import { hostOf } from "./redirect.ts";

/** Passes 200 only. @throws SourceError | TransientError with a code for each status */
export async function checkStatus(response: Response, remote: HttpRemote): Promise<void> {
  if (response.status === 200) return;
  await response.body?.cancel();
  throw statusFault(response, remote);
}

/** The body as it comes. A connection that breaks is an error here, never an end. */
export async function* bodyBytes({ body }: { readonly body?: Response["body"] }, signal: AbortSignal): Bytes {
  if (body === null || body === undefined) return;
  try {
    yield* body as AsyncIterable<Uint8Array>;
  } catch (error) {
    signal.throwIfAborted();
    throw truncated(error);
  }
}

/** What `fetch` throws before there is an answer. */
export function connectionFault(error: unknown, url: string): CodedError {
  const refused = networkRefusal(error);
  if (refused !== undefined) return refused;
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : "";
  const what = cause instanceof Error ? cause.message : String(cause);
  const message = `${hostOf(url)} cannot be reached: ${what || code}`;
  if (what === "bad port") {
    const why =
      "Node's fetch refuses this port (https://fetch.spec.whatwg.org/#port-blocking); serve the repository on another one";
    return new SourceError("SOURCE_UNAVAILABLE", `${message}: ${why}`, { cause: error });
  }
  if (!CERTIFICATE.test(code)) return new TransientError("SOURCE_UNAVAILABLE", message, { cause: error });
  return new SourceError(
    "SOURCE_UNAVAILABLE",
    `${message} (an own certificate authority goes into NODE_EXTRA_CA_CERTS)`,
    { cause: error },
  );
}

const CERTIFICATE = /CERT|SIGNATURE|ERR_TLS_/;

function statusFault(response: Response, remote: HttpRemote): CodedError {
  const { status } = response;
  const host = hostOf(remote.url);
  const shown = remote.authorization === undefined ? "no credentials were given" : "with the credentials given";
  switch (status) {
    case 401:
      return new SourceError("SOURCE_UNAUTHORIZED", `${host} wants other credentials (401; ${shown})`);
    case 403:
      if (rateLimited(response)) return slowDown(response, host);
      return new SourceError("SOURCE_FORBIDDEN", `${host} forbids reading the repository (403; ${shown})`);
    case 404:
    case 410:
      return new SourceError("SOURCE_NOT_FOUND", `${host} knows no such repository, or hides it (${status}; ${shown})`);
    case 429:
      return slowDown(response, host);
    default:
      break;
  }
  if (status >= 300 && status < 400)
    return new SourceError("SOURCE_REDIRECTED", `${host} redirects a request that must not be (${status})`);
  const options = { retryAfterMs: retryAfterMs(response.headers.get("retry-after")) };
  if (status >= 500 || status === 408)
    return new TransientError("SOURCE_UNAVAILABLE", `${host} answers ${status}`, options);
  return new SourceError("SOURCE_PROTOCOL", `${host} answers ${status}, which git does not know`);
}

const rateLimited = ({ headers }: Response): boolean =>
  headers.get("retry-after") !== null || headers.get("x-ratelimit-remaining") === "0";

function slowDown(response: Response, host: string): TransientError {
  const options = { retryAfterMs: retryAfterMs(response.headers.get("retry-after")) };
  return new TransientError("SOURCE_RATE_LIMITED", `${host} asks to slow down (${response.status})`, options);
}
