import { spawn } from "node:child_process";
import { once } from "node:events";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join, normalize } from "node:path";

export interface SeenRequest {
  readonly method: string;
  readonly url: string;
  readonly authorization: string | undefined;
  readonly userAgent: string | undefined;
}

/** Switches that a test may turn while the server runs. */
export interface GitServerSwitches {
  /** `v0` hides from git that the client asked for v2, as old servers do. `dumb` serves the files as they lie there. */
  protocol: "v2" | "v0" | "dumb";
  /** Answers in git's place when it answers true. */
  answer: (request: IncomingMessage, response: ServerResponse) => boolean;
  /** Changes git's answer to a POST for a pack of the repository at `url`; `end` false breaks the connection off after these bytes. */
  mangle: ((body: Buffer, url: string) => { readonly body: Buffer; readonly end: boolean }) | undefined;
}

export interface GitServer extends AsyncDisposable {
  /** `http://127.0.0.1:PORT`; the path below it is a path below the server's root. */
  readonly url: string;
  readonly port: number;
  readonly seen: readonly SeenRequest[];
  readonly switches: GitServerSwitches;
}

/** `git http-backend` as a web server would run it (CGI), over the repositories under `root`. */
export async function startGitServer(root: string): Promise<GitServer> {
  const seen: SeenRequest[] = [];
  const switches: GitServerSwitches = { protocol: "v2", answer: () => false, mangle: undefined };
  const server = createServer((request, response) => {
    const { authorization, "user-agent": userAgent } = request.headers;
    seen.push({ method: request.method ?? "", url: request.url ?? "", authorization, userAgent });
    if (switches.answer(request, response)) return;
    if (switches.protocol === "dumb") void serveFile(root, request, response);
    else void httpBackend(root, switches, request, response);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    seen,
    switches,
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}

async function httpBackend(
  root: string,
  switches: GitServerSwitches,
  request: IncomingMessage,
  response: ServerResponse,
) {
  const { pathname, search } = new URL(request.url ?? "/", "http://localhost");
  const env: NodeJS.ProcessEnv = {
    PATH: process.env.PATH,
    GIT_PROJECT_ROOT: root,
    GIT_HTTP_EXPORT_ALL: "1",
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_CONFIG_GLOBAL: "/dev/null",
    REQUEST_METHOD: request.method,
    PATH_INFO: decodeURIComponent(pathname),
    QUERY_STRING: search.slice(1),
    CONTENT_TYPE: request.headers["content-type"],
    CONTENT_LENGTH: request.headers["content-length"],
    HTTP_CONTENT_ENCODING: request.headers["content-encoding"],
    GIT_PROTOCOL: switches.protocol === "v2" ? request.headers["git-protocol"]?.toString() : undefined,
  };
  const child = spawn("git", ["http-backend"], { env, stdio: ["pipe", "pipe", "ignore"] });
  child.stdin.on("error", () => {});
  request.pipe(child.stdin);
  response.on("close", () => child.kill());
  const body = await headersFirst(child.stdout, response);
  const { mangle } = switches;
  const asksForPack = request.method === "POST" && mangle !== undefined;
  if (!asksForPack) {
    response.write(body);
    child.stdout.pipe(response);
    return;
  }
  const whole = Buffer.concat([body, ...(await Array.fromAsync(child.stdout as AsyncIterable<Buffer>))]);
  const isPack = whole.includes("PACK") || whole.includes("packfile\n");
  const changed = isPack ? mangle(whole, request.url ?? "") : { body: whole, end: true };
  response.write(changed.body, () => (changed.end ? response.end() : response.destroy()));
}

/** Passes the CGI headers on and answers the first part of the body. */
async function headersFirst(stdout: NodeJS.ReadableStream, response: ServerResponse): Promise<Buffer> {
  let read = Buffer.alloc(0);
  while (!read.includes("\r\n\r\n")) {
    const chunk = stdout.read() as Buffer | null;
    if (chunk === null) await once(stdout, "readable");
    else read = Buffer.concat([read, chunk]);
  }
  const end = read.indexOf("\r\n\r\n");
  for (const line of read.subarray(0, end).toString("latin1").split("\r\n")) {
    const [name = "", ...value] = line.split(": ");
    if (name === "Status") response.statusCode = Number.parseInt(value.join(": "), 10);
    else response.setHeader(name, value.join(": "));
  }
  return read.subarray(end + 4);
}

async function serveFile(root: string, request: IncomingMessage, response: ServerResponse) {
  const path = join(root, normalize(decodeURIComponent(new URL(request.url ?? "/", "http://localhost").pathname)));
  const found = await stat(path).catch(() => undefined);
  if (found?.isFile() !== true) {
    response.writeHead(404).end();
    return;
  }
  response.writeHead(200, { "content-type": "text/plain", "content-length": found.size });
  createReadStream(path).pipe(response);
}

/** A second server that only writes down who came. */
export async function startWitness(): Promise<
  AsyncDisposable & { readonly url: string; readonly seen: readonly SeenRequest[] }
> {
  const server = await startGitServer("/nonexistent");
  server.switches.answer = (_, response) => {
    response.writeHead(404).end();
    return true;
  };
  return server;
}
