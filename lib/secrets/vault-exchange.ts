import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import * as http from "node:http";
import * as https from "node:https";
import { readAll } from "../bytes.ts";
import type { Agents } from "../network/agents.ts";
import { checkEgressTo } from "../network/egress.ts";
import { proxyRefusal } from "../network/refusal.ts";
import { missing, readText } from "./local.ts";

export interface HttpRequest {
  readonly method: "GET" | "POST";
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface HttpReply {
  readonly status: number;
  readonly headers: Readonly<http.IncomingHttpHeaders>;
  readonly text: string;
}

/** One request and its reply, whatever the status. Rejects when there is no whole reply; a RangeError is for one too long. */
export type Exchange = (request: HttpRequest) => Promise<HttpReply>;

interface ExchangeOptions {
  readonly timeoutMs?: number;
  /** Default: those of the process. */
  readonly agents?: Agents | undefined;
}

const TIMEOUT_MS = 10_000;
const REPLY_LIMIT_BYTES = 4 * 1024 * 1024;

/**
 * Exchanges that trust the authorities in `caFile` only, when it is given. `fetch` cannot be told an authority without a copy of
 * undici besides the one inside Node, hence `node:https`. @throws ConfigError when the file holds no certificate
 */
export function createExchange(
  caFile: string | undefined,
  signal: AbortSignal,
  { timeoutMs = TIMEOUT_MS, agents }: ExchangeOptions = {},
): Exchange {
  let authorities: Promise<string> | undefined;
  return async (request) => {
    if (caFile !== undefined) authorities ??= readAuthorities(caFile);
    const ca = await authorities;
    const timeout = AbortSignal.timeout(timeoutMs);
    try {
      return await exchange(request, { ca, agents }, AbortSignal.any([signal, timeout]));
    } catch (error) {
      signal.throwIfAborted();
      if (timeout.aborted) throw Object.assign(new Error("no answer in time", { cause: error }), { code: "ETIMEDOUT" });
      throw error;
    }
  };
}

async function exchange(
  request: HttpRequest,
  { ca, agents }: { readonly ca: string | undefined; readonly agents: Agents | undefined },
  signal: AbortSignal,
): Promise<HttpReply> {
  const { method, url, headers, body } = request;
  checkEgressTo(url.href);
  const options = { method, headers, signal };
  const outgoing =
    url.protocol === "https:"
      ? https.request(url, {
          ...options,
          ...(ca === undefined ? {} : { ca }),
          ...(agents && { agent: agents.httpsAgent }),
        })
      : http.request(url, { ...options, ...(agents && { agent: agents.httpAgent }) });
  outgoing.end(body);
  const [incoming]: [http.IncomingMessage] = (await once(outgoing, "response")) as [http.IncomingMessage];
  // What fails from here on also fails the reading below; without a listener it would end the process.
  outgoing.on("error", () => {});
  const text = Buffer.from(await readAll(incoming, REPLY_LIMIT_BYTES)).toString("utf8");
  // Vault knows no such answer.
  if (incoming.statusCode === 407) throw proxyRefusal(407);
  return { status: incoming.statusCode ?? 0, headers: incoming.headers, text };
}

async function readAuthorities(path: string): Promise<string> {
  const pem = await readText(path, `the CA file ${path}`);
  try {
    new X509Certificate(pem);
  } catch (error) {
    throw missing(`the CA file ${path} holds no PEM certificate`, { cause: error });
  }
  return pem;
}
