import { type CodedError, TransientError } from "./errors.ts";
import { networkFetch } from "./network/fetch.ts";
import { networkRefusal } from "./network/refusal.ts";
import { retryAfterMs } from "./retry-after.ts";
import { tool } from "./tool.ts";

/** What is thrown by a kind of adapter for what goes wrong with a request of its. */
export interface RequestFaults {
  /** Of the transient errors, and of those that another attempt will not mend. */
  readonly unreachable: "NOTIFIER_UNREACHABLE" | "METRICS_UNREACHABLE";
  /** The server cannot be reached as things are set up. */
  unusable(message: string): CodedError;
  /** The server does not take what it is given. */
  refused(message: string): CodedError;
}

/** Far more than is shown, so that no secret is cut in two before redaction has seen it. */
const MAX_ANSWER = 4000;
/** https://fetch.spec.whatwg.org/#port-blocking */
const BAD_PORT = "bad port";
const CERTIFICATE = /CERT|SIGNATURE|ERR_TLS_/;

/**
 * One request, once; `url` may be a secret, and only its host is ever told. A redirect is no answer: what is sent would go
 * to somebody who was not named. @throws TransientError, and what `faults` makes
 */
export async function outsideRequest(url: string, init: RequestInit, faults: RequestFaults): Promise<Response> {
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
    throw faults.refused("the secret holds no http or https address");
  }
  try {
    const headers = { "user-agent": `${tool.name}/${tool.version}`, ...init.headers };
    return await networkFetch(url, { ...init, headers });
  } catch (error) {
    init.signal?.throwIfAborted();
    const limited = networkRefusal(error);
    if (limited !== undefined) throw limited;
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    const code = cause instanceof Error && "code" in cause ? String(cause.code) : "";
    const why = cause instanceof Error ? cause.message || code : String(cause);
    const message = `${hostOf(url)} cannot be reached: ${why}`;
    if (why === BAD_PORT) throw faults.unusable(`${message}: Node's fetch refuses this one`);
    if (!CERTIFICATE.test(code)) throw new TransientError(faults.unreachable, message);
    throw faults.unusable(`${message} (an own certificate authority goes into NODE_EXTRA_CA_CERTS)`);
  }
}

/** Throws unless the answer is a success, with what the server said. */
export async function checkAnswer(
  response: Response,
  url: string,
  signal: AbortSignal,
  faults: RequestFaults,
): Promise<void> {
  if (response.ok) {
    await response.body?.cancel();
    return;
  }
  const { status, headers } = response;
  const answer = await firstWords(response, signal);
  const said = `${hostOf(url)} answers ${status}${answer === "" ? "" : `: ${answer}`}`;
  if (status === 429 || status === 408 || status >= 500) {
    throw new TransientError(faults.unreachable, said, { retryAfterMs: retryAfterMs(headers.get("retry-after")) });
  }
  throw faults.refused(said);
}

export const hostOf = (url: string): string => (URL.canParse(url) ? new URL(url).host : "an address that is none");

/** Many say in the body what is wrong. */
async function firstWords(response: Response, signal: AbortSignal): Promise<string> {
  let text = "";
  const decoder = new TextDecoder();
  try {
    for await (const piece of response.body ?? []) {
      text += decoder.decode(piece, { stream: true });
      if (text.length >= MAX_ANSWER) break;
    }
  } catch {
    signal.throwIfAborted();
  }
  return text.replace(/\s+/g, " ").trim();
}
