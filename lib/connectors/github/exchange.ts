import { connectionFault } from "../../git/http-fault.ts";
import { networkFetch } from "../../network/fetch.ts";
import { tool } from "../../tool.ts";
import { type Answer, fileAnswer, readAnswer } from "./response.ts";

export interface Request {
  readonly method: "GET" | "POST";
  readonly authorization: string | undefined;
  readonly accept?: string;
  readonly etag?: string | undefined;
  readonly body?: unknown;
  /** For errors: `GET /orgs/my-org/repos`. */
  readonly what: string;
  readonly signal: AbortSignal;
  /** A file is asked for: an answer that is none of the API's stays as it comes, `body` of `Answer`. */
  readonly file?: boolean;
}

/** https://docs.github.com/en/rest/about-the-rest-api/api-versions */
const API_VERSION = "2022-11-28";
/** A server that says nothing for so long has forgotten us. */
const SILENCE_MS = 120_000;

/** One request and its whole answer, whatever its status. Redirects are not followed. @throws SourceError | TransientError */
export async function exchange(url: string, request: Request): Promise<Answer> {
  const silence = new AbortController();
  const timer = setTimeout(() => silence.abort(new Error(`no answer for ${SILENCE_MS / 1000} s`)), SILENCE_MS);
  try {
    const response = await send(url, request, AbortSignal.any([request.signal, silence.signal]));
    if (request.file === true && response.status < 400) return await fileAnswer(response);
    return await readAnswer(response, request.what);
  } catch (error) {
    request.signal.throwIfAborted();
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

/** Answers when the headers are there; the body is the caller's to read or to cancel. */
async function send(url: string, request: Request, signal: AbortSignal): Promise<Response> {
  const { method, authorization, accept = "application/vnd.github+json", etag, body } = request;
  const headers: Record<string, string> = {
    accept,
    "user-agent": `${tool.name}/${tool.version}`,
    "x-github-api-version": API_VERSION,
  };
  if (authorization !== undefined) headers.authorization = authorization;
  if (etag !== undefined) headers["if-none-match"] = etag;
  if (body !== undefined) headers["content-type"] = "application/json";
  try {
    return await networkFetch(url, {
      method,
      headers,
      signal,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  } catch (error) {
    request.signal.throwIfAborted();
    throw connectionFault(error, url);
  }
}
