import { NotifierError, TransientError } from "../errors.ts";
import { checkAnswer, hostOf, outsideRequest, type RequestFaults } from "../outside-request.ts";

export interface Post {
  /** May be a secret: only its host is ever told. */
  readonly url: string;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
}

const faults: RequestFaults = {
  unreachable: "NOTIFIER_UNREACHABLE",
  unusable: (message) => new NotifierError("NOTIFIER_UNREACHABLE", message),
  refused: (message) => new NotifierError("NOTIFIER_REFUSED", message),
};

/** Posts JSON, once. */
export async function post({ url, body, headers }: Post, signal: AbortSignal): Promise<void> {
  const init = { method: "POST", body, headers: { "content-type": "application/json", ...headers }, signal };
  await checkAnswer(await outsideRequest(url, init, faults), url, signal, faults);
}

/** Asks the server, not the path, which may be a secret that counts each use. Any answer will do but its being out of order. */
export async function checkServer(url: string, signal: AbortSignal): Promise<void> {
  const origin = URL.canParse(url) ? new URL("/", url).href : url;
  const response = await outsideRequest(origin, { method: "HEAD", signal }, faults);
  await response.body?.cancel();
  if (response.status < 500) return;
  throw new TransientError("NOTIFIER_UNREACHABLE", `${hostOf(url)} answers ${response.status}`);
}
