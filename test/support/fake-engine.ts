import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { join } from "node:path";
import { promisify } from "node:util";
import { temporaryFolder } from "./files-source.ts";

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

export interface FakeEngine extends AsyncDisposable {
  readonly host: string;
  /** `POST /containers/create` and the like, in order. Without the version. */
  readonly asked: readonly string[];
  /** By `GET /path`, without version and query; changes take effect at once. */
  readonly answers: Record<string, Answer>;
  /** How many connections clients keep. It ends none of itself. */
  connections(): Promise<number>;
}

/** An Engine that has one volume, `data`, and lies where the test says. */
export async function startFakeEngine(): Promise<FakeEngine> {
  const folder = await temporaryFolder("fake-engine-");
  const path = join(folder.path, "s");
  const asked: string[] = [];
  const volume = { Name: "data", Driver: "local", Mountpoint: "/nowhere/data", Labels: null, Options: null };
  const folderStat = Buffer.from(JSON.stringify({ name: "volume", mode: 2 ** 31 + 0o755 })).toString("base64");
  const answers: Record<string, Answer> = {
    "GET /_ping": (_, response) => response.setHeader("api-version", "1.41").end("OK"),
    "GET /volumes": json({ Volumes: [volume] }),
    "GET /volumes/data": json(volume),
    "GET /containers/json": json([]),
    "GET /info": json({ ServerVersion: "0", OSType: "linux", Architecture: "none" }),
    "POST /containers/create": json({ Id: "helper" }, 201),
    "HEAD /containers/helper/archive": (_, response) =>
      response.setHeader("x-docker-container-path-stat", folderStat).end(),
    "DELETE /containers/helper": (_, response) => response.writeHead(204).end(),
  };
  const server = createServer((request, response) => {
    const name = `${request.method} ${(request.url ?? "").replace(/^\/v1\.\d+/, "").replace(/\?.*$/, "")}`;
    asked.push(name);
    request.resume();
    const answer = answers[name];
    if (answer === undefined) refuse(404, `no such thing: ${name}`)(request, response);
    else answer(request, response);
  });
  server.keepAliveTimeout = 0;
  server.listen(path);
  await once(server, "listening");
  return {
    host: `unix://${path}`,
    asked,
    answers,
    connections: promisify(server.getConnections.bind(server)),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await folder[Symbol.asyncDispose]();
    },
  };
}

export function json(value: unknown, status = 200): Answer {
  return (_, response) => response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));
}

export const refuse = (status: number, message: string): Answer => json({ message }, status);

/** The bytes as a body in pieces, without its length. */
export function streams(content: Uint8Array): Answer {
  return (_, response) => response.writeHead(200, { "content-type": "application/x-tar" }).end(content);
}
