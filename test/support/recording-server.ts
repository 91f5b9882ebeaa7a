import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";

export interface Recorded {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

export interface Answer {
  readonly status: number;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface RecordingServer extends AsyncDisposable {
  readonly url: string;
  /** All but HEAD, which says nothing. */
  readonly calls: readonly Recorded[];
  readonly heads: readonly string[];
  /** Answers to the next calls, in place of the usual ones; `hang` gives none. */
  readonly next: (Answer | "hang")[];
  stop(): Promise<void>;
}

/** A web server of this test's own on a free port of 127.0.0.1. HEAD is answered as many do: 405. */
export async function startRecordingServer(answer: (call: Recorded) => Answer): Promise<RecordingServer> {
  const calls: Recorded[] = [];
  const heads: string[] = [];
  const next: (Answer | "hang")[] = [];
  const server = createServer((request, response) => {
    void handle(request, response);
  });
  const handle = async (request: IncomingMessage, response: ServerResponse) => {
    const { method = "", url: path = "", headers } = request;
    if (method === "HEAD") {
      heads.push(path);
      const scripted = next[0] === "hang" ? "hang" : { status: 405 };
      if (scripted !== "hang") response.writeHead(scripted.status).end();
      return;
    }
    const call = { method, path, headers, body: await text(request) };
    calls.push(call);
    const given = next.shift() ?? answer(call);
    if (given === "hang") return;
    response.writeHead(given.status, given.headers).end(given.body ?? "");
  };
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const stop = async () => {
    server.closeAllConnections();
    if (!server.listening) return;
    server.close();
    await once(server, "close");
  };
  return { url: `http://127.0.0.1:${port}`, calls, heads, next, stop, [Symbol.asyncDispose]: stop };
}
