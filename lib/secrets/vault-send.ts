import { ConfigError, TransientError } from "../errors.ts";
import { networkRefusal } from "../network/refusal.ts";
import { type RetryOptions, retry } from "../retry.ts";
import { missing } from "./local.ts";
import type { Redaction } from "./redaction.ts";
import type { Exchange, HttpReply, HttpRequest } from "./vault-exchange.ts";
import type { VaultSettings } from "./vault-settings.ts";

export interface VaultRequest {
  /** Below `/v1/`, each segment encoded. */
  readonly path: string;
  /** Absent for a login. */
  readonly token?: string;
  /** Makes it a POST. */
  readonly body?: { readonly [key: string]: string };
}

export interface VaultAnswer {
  /** Never 429, nor 500 and above: those are thrown. */
  readonly status: number;
  /** Parsed; undefined when it was no JSON. */
  readonly body: unknown;
  /** The server's own words about a fault, for the end of a message: ` (permission denied)`, or nothing. */
  readonly words: string;
}

export interface SendOptions {
  readonly exchange: Exchange;
  readonly redaction: Redaction;
  readonly signal: AbortSignal;
  readonly sleep?: RetryOptions["sleep"];
}

/** Sends, again a few times where that may help. @throws TransientError | ConfigError | the signal's reason */
export type Send = (request: VaultRequest) => Promise<VaultAnswer>;

const WORDS_LENGTH = 300;

export function createSend(settings: VaultSettings, options: SendOptions): Send {
  const { exchange, redaction, signal, sleep } = options;
  const schedule = { attempts: 4, baseMs: 500, maxMs: 5_000, signal, ...(sleep === undefined ? {} : { sleep }) };
  const name = serverName(settings);

  return (request) =>
    retry(async () => {
      const reply = await follow(httpRequest(settings, request), name, exchange, signal);
      const words = serverWords(reply, redaction);
      if (reply.status === 429) {
        const retryAfterMs = Math.max(0, Number(reply.headers["retry-after"]) || 0) * 1000;
        throw new TransientError("SOURCE_RATE_LIMITED", `${name} asks to slow down`, { retryAfterMs });
      }
      if (reply.status >= 500)
        throw new TransientError("SOURCE_UNAVAILABLE", `${name} answers ${reply.status}${words}`);
      return { status: reply.status, body: parsed(reply.text), words };
    }, schedule);
}

/** How messages call the server. */
export function serverName({ address, namespace }: VaultSettings): string {
  const url = `${address.origin}${address.pathname.replace(/\/$/, "")}`;
  return namespace === undefined ? `Vault at ${url}` : `Vault at ${url}, namespace ${namespace},`;
}

function httpRequest(settings: VaultSettings, { path, token, body }: VaultRequest): HttpRequest {
  const headers: Record<string, string> = { accept: "application/json", "x-vault-request": "true" };
  if (settings.namespace !== undefined) headers["x-vault-namespace"] = settings.namespace;
  if (token !== undefined) headers["x-vault-token"] = token;
  const url = new URL(`${settings.address.pathname.replace(/\/$/, "")}/v1/${path}`, settings.address);
  if (body === undefined) return { method: "GET", url, headers };
  return {
    method: "POST",
    url,
    headers: { ...headers, "content-type": "application/json" },
    body: JSON.stringify(body),
  };
}

/** A standby server sends clients to the active one with 307, once. Anything else that redirects is not Vault. */
async function follow(request: HttpRequest, name: string, exchange: Exchange, signal: AbortSignal): Promise<HttpReply> {
  const first = await reached(request, name, exchange, signal);
  if (first.status < 300 || first.status > 399) return first;
  const target = redirectTarget(request.url, first);
  if (first.status === 307 && target?.protocol === request.url.protocol) {
    const second = await reached({ ...request, url: target }, name, exchange, signal);
    if (second.status < 300 || second.status > 399) return second;
  }
  throw missing(
    `${name} redirects to ${target?.origin ?? "nowhere"}, which is not followed: set the address of Vault itself`,
  );
}

function redirectTarget(from: URL, { headers }: HttpReply): URL | undefined {
  const location = headers.location;
  return location !== undefined && URL.canParse(location, from.href) ? new URL(location, from) : undefined;
}

async function reached(
  request: HttpRequest,
  name: string,
  exchange: Exchange,
  signal: AbortSignal,
): Promise<HttpReply> {
  try {
    return await exchange(request);
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof ConfigError) throw error;
    throw connectionError(error, name);
  }
}

function connectionError(error: unknown, name: string): Error {
  const refused = networkRefusal(error);
  if (refused !== undefined)
    return new ConfigError(`${name} is not asked: ${refused.message}`, { code: refused.code, cause: error });
  if (error instanceof RangeError) return missing(`${name} answers with ${error.message}`, { cause: error });
  const code = error instanceof Error && "code" in error ? String(error.code) : "unknown fault";
  if (/^(?:CERT_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|ERR_TLS_CERT_|INVALID_CA|HOSTNAME_MISMATCH)/.test(code)) {
    return missing(`the certificate of ${name} is not trusted (${code}): set ca_file to its authority`, {
      cause: error,
    });
  }
  if (code === "EPROTO" || code.startsWith("ERR_SSL_")) {
    return missing(`${name} does not speak TLS as it should (${code}): is its address http://, or another port?`, {
      cause: error,
    });
  }
  if (code === "ERR_INVALID_CHAR") {
    return missing(`the token or namespace for ${name} holds characters that cannot be sent`);
  }
  if (code === "ETIMEDOUT")
    return new TransientError("SOURCE_UNAVAILABLE", `${name} does not answer in time`, { cause: error });
  return new TransientError("SOURCE_UNAVAILABLE", `${name} cannot be reached (${code})`, { cause: error });
}

function serverWords(reply: HttpReply, redaction: Redaction): string {
  if (reply.status < 400) return "";
  const body = parsed(reply.text);
  const errors = typeof body === "object" && body !== null && "errors" in body ? body.errors : undefined;
  const text = Array.isArray(errors) ? errors.join("; ") : body === undefined ? reply.text : "";
  const line = redaction.redact(text).replace(/\s+/g, " ").trim().slice(0, WORDS_LENGTH);
  return line === "" ? "" : ` (${line})`;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
