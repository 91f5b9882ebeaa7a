import type { Bytes } from "../../bytes.ts";
import { SourceError, TransientError } from "../../errors.ts";
import { bodyBytes, connectionFault } from "../../git/http-fault.ts";
import { networkFetch } from "../../network/fetch.ts";
import { retryAfterMs } from "../../retry-after.ts";
import { tool } from "../../tool.ts";

/** What is asked with is for the first host alone. */
export interface Download {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** For errors: `the asset app.zip`. */
  readonly what: string;
  readonly signal: AbortSignal;
  /** Asks the first host in a way of its own, with its own credentials. */
  readonly ask?: (url: string) => Promise<FileAnswer>;
  /** A path of the first host: being sent there means that the credentials do not do. */
  readonly wall?: string;
}

type FileAnswer = { readonly status: number; readonly headers: Headers; readonly body?: Response["body"] };

const MAX_REDIRECTS = 5;

/**
 * A file's bytes as they come. GitHub redirects to where files lie, which is another host: credentials do not go there.
 * @throws SourceError | TransientError; a body that ends early is never just shorter
 */
export async function* downloaded({ url, headers, what, signal, ask, wall }: Download): Bytes {
  const origin = new URL(url).origin;
  let at = url;
  for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects += 1) {
    const isFirst = new URL(at).origin === origin;
    const response: FileAnswer =
      isFirst && ask !== undefined ? await ask(at) : await request(at, isFirst ? headers : {}, signal);
    const location = response.headers.get("location");
    if (response.status >= 300 && response.status < 400 && location !== null) {
      await response.body?.cancel();
      if (!URL.canParse(location, at)) throw new SourceError("SOURCE_REDIRECTED", `${what} is redirected to nowhere`);
      at = new URL(location, at).href;
      if (new URL(at).origin === origin && new URL(at).pathname === wall)
        throw new SourceError("SOURCE_FORBIDDEN", `${what} is not shown to these credentials`);
      if (!/^https?:/.test(at) || (origin.startsWith("https:") && at.startsWith("http:"))) {
        throw new SourceError(
          "SOURCE_REDIRECTED",
          `${what} is redirected to ${new URL(at).protocol}//, which is not followed`,
        );
      }
      continue;
    }
    if (response.status !== 200) {
      await response.body?.cancel();
      throw statusFault(response, what);
    }
    yield* bodyBytes(response, signal);
    return;
  }
  throw new SourceError("SOURCE_REDIRECTED", `${what} is redirected in a circle`);
}

async function request(url: string, headers: Readonly<Record<string, string>>, signal: AbortSignal): Promise<Response> {
  try {
    const own = { "user-agent": `${tool.name}/${tool.version}`, "accept-encoding": "identity" };
    return await networkFetch(url, { headers: { ...own, ...headers }, signal });
  } catch (error) {
    signal.throwIfAborted();
    throw connectionFault(error, new URL(url).origin);
  }
}

function statusFault({ status, headers }: FileAnswer, what: string): SourceError | TransientError {
  if (status >= 500 || status === 408 || status === 429) {
    return new TransientError("SOURCE_UNAVAILABLE", `${what} is answered with ${status}`, {
      retryAfterMs: retryAfterMs(headers.get("retry-after")),
    });
  }
  const code =
    status === 404 || status === 410 ? "SOURCE_NOT_FOUND" : status === 401 ? "SOURCE_UNAUTHORIZED" : "SOURCE_FORBIDDEN";
  return new SourceError(code, `${what} is answered with ${status}`);
}
