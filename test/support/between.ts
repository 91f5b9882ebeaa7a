import { once } from "node:events";
import * as http from "node:http";
import type { AddressInfo } from "node:net";

type Rewriting = (headers: http.IncomingHttpHeaders) => http.IncomingHttpHeaders;

/** What happens to one request on its way to the server. */
export type Meddling =
  /** Answered in the server's place. */
  | {
      readonly do: "answer";
      readonly status: number;
      readonly headers?: http.OutgoingHttpHeaders;
      readonly body?: string;
    }
  /** The connection is cut after so many bytes of the request's body have passed. */
  | { readonly do: "cut-request"; readonly afterBytes: number }
  /** The server does it, and nobody hears of it. */
  | { readonly do: "lose-answer" }
  /** The server does it, nothing comes back, and the connection stays. */
  | { readonly do: "keep-answer" }
  /** The connection is cut after so many bytes of the answer's body. */
  | { readonly do: "cut-answer"; readonly afterBytes: number }
  /** One bit of the request's body is turned over. */
  | { readonly do: "flip"; readonly atByte: number }
  /** Headers of the request or of the answer are others. */
  | { readonly do: "rewrite"; readonly request?: Rewriting; readonly answer?: Rewriting }
  /** The server hears of it only then. */
  | { readonly do: "hold"; readonly until: Promise<void> }
  /** Nothing comes back, and the connection stays. */
  | { readonly do: "hang" };

export interface Between extends AsyncDisposable {
  readonly endpoint: string;
  /** Every request so far, as `PUT /bucket/key?partNumber=1`. */
  readonly calls: readonly string[];
  /** Asked of each request, with the port that its client has; undefined lets it pass. */
  meddle: (call: string, headers: http.IncomingHttpHeaders, port: number) => Meddling | undefined;
}

/** A server that stands between a client and `endpoint`, passes everything on, and meddles where it is told to. */
export async function standBetween(endpoint: string): Promise<Between> {
  const target = new URL(endpoint);
  const calls: string[] = [];
  const between = { calls, meddle: (() => undefined) as Between["meddle"] };

  const server = http.createServer((request, response) => {
    const call = `${request.method} ${request.url}`;
    calls.push(call);
    const meddling = between.meddle(call, request.headers, request.socket.remotePort ?? 0);
    if (meddling?.do === "hang") return;
    if (meddling?.do === "answer") {
      request.resume();
      response.writeHead(meddling.status, meddling.headers);
      response.end(meddling.body);
      return;
    }
    pass(target, request, response, meddling).catch(() => response.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return Object.assign(between, {
    endpoint: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  });
}

async function pass(
  { hostname, port }: URL,
  request: http.IncomingMessage,
  response: http.ServerResponse,
  meddling: Meddling | undefined,
): Promise<void> {
  if (meddling?.do === "hold") await meddling.until;
  const rewriting = meddling?.do === "rewrite" ? meddling : undefined;
  const headers = rewriting?.request?.({ ...request.headers }) ?? request.headers;
  const { method, url } = request;
  const onward = http.request({ hostname, port, method, path: url, headers, agent: false });
  const answered = once(onward, "response") as Promise<[http.IncomingMessage]>;
  answered.catch(() => response.destroy());
  // Who gave up has given up there too.
  response.once("close", () => onward.destroy());
  let sent = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    if (meddling?.do === "cut-request" && sent + chunk.byteLength >= meddling.afterBytes) {
      onward.destroy();
      request.socket.destroy();
      return;
    }
    if (meddling?.do === "flip" && meddling.atByte >= sent && meddling.atByte < sent + chunk.byteLength) {
      chunk[meddling.atByte - sent] = (chunk[meddling.atByte - sent] ?? 0) ^ 1;
    }
    sent += chunk.byteLength;
    if (!onward.write(chunk)) await once(onward, "drain");
  }
  onward.end();
  const [answer] = await answered;
  if (meddling?.do === "lose-answer" || meddling?.do === "keep-answer") {
    answer.resume();
    await once(answer, "end");
    if (meddling.do === "lose-answer") request.socket.destroy();
    return;
  }
  response.writeHead(answer.statusCode ?? 500, rewriting?.answer?.({ ...answer.headers }) ?? answer.headers);
  let given = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    if (meddling?.do === "cut-answer" && given + chunk.byteLength > meddling.afterBytes) {
      response.write(chunk.subarray(0, meddling.afterBytes - given), () => request.socket.destroy());
      answer.destroy();
      return;
    }
    given += chunk.byteLength;
    if (!response.write(chunk)) await once(response, "drain");
  }
  response.end();
}
