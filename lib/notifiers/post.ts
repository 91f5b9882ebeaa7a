import { NotifierError, TransientError } from "../errors.ts";
import { retryAfterMs } from "../retry-after.ts";
import { tool } from "../tool.ts";

export interface Post {
  /** May be a secret: only its host is ever told. */
  readonly url: string;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Far more than is shown, so that no secret is cut in two before redaction has seen it. */
const MAX_ANSWER = 4000;
/** https://fetch.spec.whatwg.org/#port-blocking */
const BAD_PORT = "bad port";
const CERTIFICATE = /CERT|SIGNATURE|ERR_TLS_/;

/** Posts JSON, once. A redirect is no answer: the message would go to somebody who was not named. */
export async function post({ url, body, headers }: Post, signal: AbortSignal): Promise<void> {
  const response = await request(url, {
    method: "POST",
    body,
    headers: { "content-type": "application/json", ...headers },
    signal,
  });
  await checkAnswer(response, url, signal);
}

/** Asks the server, not the path, which may be a secret that counts each use. Any answer will do but its being out of order. */
export async function checkServer(url: string, signal: AbortSignal): Promise<void> {
  const response = await request(new URL("/", url).href, { method: "HEAD", signal });
  await response.body?.cancel();
  if (response.status >= 500) throw unreachable(`${hostOf(url)} answers ${response.status}`);
}

const hostOf = (url: string): string => (URL.canParse(url) ? new URL(url).host : "an address that is none");

async function request(url: string, init: RequestInit): Promise<Response> {
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
    throw new NotifierError("NOTIFIER_REFUSED", "the secret holds no http or https address");
  }
  try {
    const headers = { "user-agent": `${tool.name}/${tool.version}`, ...init.headers };
    return await fetch(url, { ...init, headers, redirect: "manual" });
  } catch (error) {
    init.signal?.throwIfAborted();
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    const code = cause instanceof Error && "code" in cause ? String(cause.code) : "";
    const why = cause instanceof Error ? cause.message || code : String(cause);
    const message = `${hostOf(url)} cannot be reached: ${why}`;
    if (why === BAD_PORT) throw new NotifierError("NOTIFIER_UNREACHABLE", `${message}: Node's fetch refuses this one`);
    if (!CERTIFICATE.test(code)) throw new TransientError("NOTIFIER_UNREACHABLE", message);
    const hint = "an own certificate authority goes into NODE_EXTRA_CA_CERTS";
    throw new NotifierError("NOTIFIER_UNREACHABLE", `${message} (${hint})`);
  }
}

async function checkAnswer(response: Response, url: string, signal: AbortSignal): Promise<void> {
  if (response.ok) {
    await response.body?.cancel();
    return;
  }
  const { status, headers } = response;
  const answer = await firstWords(response, signal);
  const said = `${hostOf(url)} answers ${status}${answer === "" ? "" : `: ${answer}`}`;
  if (status === 429 || status === 408 || status >= 500) {
    throw new TransientError("NOTIFIER_UNREACHABLE", said, { retryAfterMs: retryAfterMs(headers.get("retry-after")) });
  }
  throw new NotifierError("NOTIFIER_REFUSED", said);
}

/** Slack and PagerDuty say in the body what is wrong. */
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

const unreachable = (message: string): TransientError => new TransientError("NOTIFIER_UNREACHABLE", message);
