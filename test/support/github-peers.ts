import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { createInterface } from "node:readline";
import { type FaultFinder, faultFinder } from "./github-description.ts";

const FOLDER = path.join(import.meta.dirname, "../peers/github/node_modules");

/** Why tests with GitHub's own descriptions are skipped here, in one line; false when they run. In CI they run, or fail. */
export const noGithubPeers: string | false =
  existsSync(path.join(FOLDER, "@octokit/openapi")) || process.env.CI !== undefined
    ? false
    : "no peers: npm ci --prefix test/peers/github installs them";

/** Of a package that is installed with the peers. */
export const peerFile = (name: string): string => path.join(FOLDER, name);

export interface CheckedRequest {
  readonly method: string;
  readonly url: string;
  readonly status: number;
  /** What is wrong with the request, by GitHub's description of its API. */
  readonly fault: string | undefined;
}

export interface DescribedGithub extends AsyncDisposable {
  readonly url: string;
  readonly requests: CheckedRequest[];
}

/** Compiling that description takes a busy machine minutes. */
const START_MS = 600_000;

/**
 * A server made from GitHub's own OpenAPI description (Prism): a wrong path, parameter or body is refused, everything else is answered with
 * the description's example. In front of it stands a door that refuses names and headers of which GitHub does not speak, writes requests down and
 * takes the examples' `Link` away, which leads to github.com.
 */
export async function startDescribedGithub(): Promise<DescribedGithub> {
  const port = await freePort();
  const description = peerFile("@octokit/openapi/generated/api.github.com.json");
  const args = ["mock", "-p", String(port), description];
  const child = spawn(process.execPath, [peerFile("@stoplight/prism-cli/dist/index.js"), ...args], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const listening = (async () => {
    for await (const line of createInterface({ input: child.stdout }))
      if (line.includes("Prism is listening on")) return true;
    return false;
  })();
  const tooLate = setTimeout(() => child.kill(), START_MS);
  // It says so itself, so it is the one that listens there.
  if (!(await listening)) throw new Error("Prism ended before it listened");
  clearTimeout(tooLate);
  child.stdout.resume();
  const requests: CheckedRequest[] = [];
  const faultOf = faultFinder(description);
  const door = createServer((request, response) => void pass(port, request, response, requests, faultOf));
  door.listen(0, "127.0.0.1");
  await once(door, "listening");
  return {
    url: `http://127.0.0.1:${(door.address() as AddressInfo).port}`,
    requests,
    async [Symbol.asyncDispose]() {
      door.close();
      door.closeAllConnections();
      const ended = once(child, "exit");
      child.kill();
      await ended;
    },
  };
}

export interface EmulatedGithub extends AsyncDisposable {
  readonly url: string;
  /** Of the App among the seeds. */
  readonly privateKey: string;
  /** Changes its state, as its own user. */
  post(path: string, body: object): Promise<void>;
}

/** Vercel's emulator of GitHub (npm `emulate`) with `seed` in it. */
export async function startEmulatedGithub(seed: object): Promise<EmulatedGithub> {
  const port = await freePort();
  const { createEmulator } = await import(peerFile("emulate/dist/api.js"));
  const login = "octocat";
  const emulator = await createEmulator({
    service: "github",
    port,
    baseUrl: `http://127.0.0.1:${port}`,
    seed: { tokens: { owner_token: { login, scopes: ["repo", "admin:org"] } }, github: seed },
  });
  const keys: readonly { kind: string; value: string }[] = emulator.generatedSecrets;
  const url = `http://127.0.0.1:${port}`;
  return {
    url,
    privateKey: keys.find(({ kind }) => kind === "github.app_private_key")?.value ?? "",
    async post(path, body) {
      const headers = { authorization: "Bearer owner_token", "content-type": "application/json" };
      const answer = await fetch(url + path, { method: "POST", headers, body: JSON.stringify(body) });
      if (!answer.ok) throw new Error(`${path} is answered with ${answer.status}: ${await answer.text()}`);
    },
    [Symbol.asyncDispose]: () => emulator.close(),
  };
}

async function pass(
  port: number,
  request: IncomingMessage,
  response: ServerResponse,
  requests: CheckedRequest[],
  faultOf: FaultFinder,
): Promise<void> {
  const pieces: Buffer[] = [];
  for await (const piece of request) pieces.push(piece);
  const { method = "GET", url = "" } = request;
  const fault = faultOf(method, url, request.headers);
  if (fault !== undefined) {
    requests.push({ method, url, status: 422, fault });
    response.writeHead(422, { "content-type": "application/json" }).end(JSON.stringify({ message: fault }));
    return;
  }
  // GitHub wants its own media type named, or that of a file, and describes the answers as plain JSON.
  const { host: _, connection: __, ...given } = request.headers;
  const headers = {
    ...given,
    accept: given.accept?.replace(/application\/(vnd\.github\+json|octet-stream)/, "application/json"),
  };
  const answer = await fetch(`http://127.0.0.1:${port}${url}`, {
    method,
    headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)])),
    redirect: "manual",
    ...(method === "GET" ? {} : { body: Buffer.concat(pieces) }),
  });
  const body = Buffer.from(await answer.arrayBuffer());
  const isPrisms = answer.headers.get("content-type")?.includes("problem+json") === true;
  requests.push({ method, url, status: answer.status, fault: isPrisms ? body.toString() : undefined });
  response
    .writeHead(answer.status, { "content-type": answer.headers.get("content-type") ?? "application/json" })
    .end(body);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
