import type { Exchange, HttpReply, HttpRequest } from "../../lib/secrets/vault-exchange.ts";

/** A Vault of a list of replies, or faults, each for one request; `calls` says what was asked. */
export function scriptedVault(replies: readonly (HttpReply | Error)[]): { calls: HttpRequest[]; exchange: Exchange } {
  const calls: HttpRequest[] = [];
  return {
    calls,
    exchange: async (request) => {
      calls.push(request);
      const reply = replies[calls.length - 1];
      if (reply === undefined) throw new Error(`nothing is scripted for ${request.method} ${request.url.href}`);
      if (reply instanceof Error) throw reply;
      return reply;
    },
  };
}

export const replyOf = (status: number, body: unknown, headers: HttpReply["headers"] = {}): HttpReply => ({
  status,
  headers,
  text: typeof body === "string" ? body : JSON.stringify(body),
});

export const secretReply = (fields: object): HttpReply =>
  replyOf(200, { data: { data: fields, metadata: { deletion_time: "", destroyed: false, version: 1 } } });

export const faultOf = (code: string): Error => Object.assign(new Error(`${code} at some place`), { code });
