import { createHash } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import { type GitServer, startGitServer } from "./git-server.ts";

export type Json = { readonly [key: string]: unknown };

/** What a test may answer instead of what is there. */
export interface Fault {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  /** Breaks the connection off after so many bytes of the body. */
  readonly cutAfter?: number;
}

export interface ApiRequest {
  /** Without the API's own prefix: `/repos/my-org/app/issues`. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly authorization: string | undefined;
  readonly etag: string | undefined;
  readonly status: number;
}

export interface GithubServer extends AsyncDisposable {
  readonly apiUrl: string;
  readonly webUrl: string;
  readonly git: GitServer;
  /** Every list by its path. `key` where the objects stand under one. */
  readonly lists: Map<string, Json[]>;
  readonly keys: Map<string, string>;
  readonly objects: Map<string, Json>;
  readonly requests: ApiRequest[];
  /** Says what to answer instead; undefined for what is there. */
  fault: (path: string, request: IncomingMessage, query: URLSearchParams) => Fault | undefined;
  /** What lies at the web host beside git, by path: attachments. As GitHub does, it hides them from who may not see them. */
  readonly files: Map<
    string,
    { readonly status: number; readonly headers?: Record<string, string>; readonly body?: Buffer }
  >;
  /** Answers GraphQL; without it there is none. */
  graphql: ((body: unknown) => Promise<Fault>) | undefined;
  latencyMs: number;
  /** What the API and git accept. */
  token: string;
  anyToken: boolean;
  /** Pages end here with a 422, as GitHub's do for long lists. */
  lastPage: number;
}

const PREFIX = "/api/v3";
const GRAPHQL = "/api/graphql";

/**
 * A GitHub of what a test puts into it: paging by Link, `since`, sorting, ETags, limits' headers, and git over smart HTTP beside it from
 * the bare repositories under `root`. It knows no path by itself; what the paths are is checked against GitHub's own description elsewhere.
 */
export async function startGithub(root: string): Promise<GithubServer> {
  const git = await startGitServer(root);
  const server: GithubServer = {
    apiUrl: git.url + PREFIX,
    webUrl: git.url,
    git,
    lists: new Map(),
    keys: new Map(),
    objects: new Map([["/rate_limit", { rate: { limit: 5000, remaining: 4999 } }]]),
    requests: [],
    files: new Map(),
    fault: () => undefined,
    graphql: undefined,
    latencyMs: 0,
    token: "canary-token",
    anyToken: false,
    lastPage: Number.POSITIVE_INFINITY,
    [Symbol.asyncDispose]: () => git[Symbol.asyncDispose](),
  };
  git.switches.answer = (request, response) => {
    const url = new URL(request.url ?? "/", git.url);
    if (url.pathname.startsWith(PREFIX) || url.pathname === GRAPHQL)
      answerApi(server, url, request, response).catch(() => response.destroy());
    else if (server.files.has(url.pathname)) answerFile(server, url.pathname, request, response);
    else if (isAllowed(server, request)) return false;
    // Without it git asks nobody for credentials, those in its URL included.
    else response.writeHead(401, { "www-authenticate": 'Basic realm="GitHub"' }).end();
    return true;
  };
  return server;
}

function isAllowed({ token, anyToken }: GithubServer, { headers }: IncomingMessage): boolean {
  if (anyToken) return headers.authorization !== undefined;
  const basic = Buffer.from(`x-access-token:${token}`).toString("base64");
  return headers.authorization === `Bearer ${token}` || headers.authorization === `Basic ${basic}`;
}

function answerFile(server: GithubServer, path: string, request: IncomingMessage, response: ServerResponse): void {
  const { status, headers = {}, body } = server.files.get(path) ?? { status: 404 };
  if (isAllowed(server, request)) response.writeHead(status, headers).end(body);
  else response.writeHead(404).end();
}

async function answerApi(
  server: GithubServer,
  url: URL,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (server.latencyMs > 0) await delay(server.latencyMs);
  const isGraphql = url.pathname === GRAPHQL;
  const path = isGraphql ? "/graphql" : decodeURIComponent(url.pathname.slice(PREFIX.length));
  const reply = isGraphql ? await graphqlReply(server, request, url) : replyOf(server, path, url, request);
  const { authorization, "if-none-match": etag } = request.headers;
  server.requests.push({ path, query: url.searchParams, authorization, etag, status: reply.status });
  const body = reply.body === undefined ? "" : JSON.stringify(reply.body);
  response.writeHead(reply.status, {
    "content-type": "application/json; charset=utf-8",
    "x-ratelimit-limit": "5000",
    "x-ratelimit-remaining": "4999",
    "x-ratelimit-reset": String(Math.floor(Date.now() / 1000) + 3600),
    "x-ratelimit-resource": isGraphql ? "graphql" : "core",
    ...(reply.status === 304 ? {} : { "content-length": String(Buffer.byteLength(body)) }),
    ...reply.headers,
  });
  if (reply.cutAfter === undefined) response.end(body);
  else response.write(body.slice(0, reply.cutAfter), () => response.destroy());
}

async function graphqlReply(server: GithubServer, request: IncomingMessage, url: URL): Promise<Fault> {
  const pieces: Buffer[] = [];
  for await (const piece of request) pieces.push(piece);
  if (!isAllowed(server, request)) return { status: 401, body: { message: "Bad credentials" } };
  const fault = server.fault("/graphql", request, url.searchParams);
  if (fault !== undefined) return fault;
  const none: Fault = { status: 404, body: { message: "Not Found" } };
  return (await server.graphql?.(JSON.parse(Buffer.concat(pieces).toString()))) ?? none;
}

function replyOf(server: GithubServer, path: string, url: URL, request: IncomingMessage): Fault {
  const isJwt = path.startsWith("/app/") || path.endsWith("/installation");
  if (!isJwt && !isAllowed(server, request)) return { status: 401, body: { message: "Bad credentials" } };
  const fault = server.fault(path, request, url.searchParams);
  if (fault !== undefined) return fault;
  const found = server.lists.has(path) ? page(server, path, url) : objectReply(server, path);
  if (found.status !== 200) return found;
  const etag = `"${createHash("sha256")
    .update(JSON.stringify([found.body, found.headers]))
    .digest("hex")
    .slice(0, 32)}"`;
  if (request.headers["if-none-match"] === etag) return { status: 304, headers: { etag } };
  return { ...found, headers: { ...found.headers, etag } };
}

function objectReply({ objects }: GithubServer, path: string): Fault {
  const body = objects.get(path);
  return body === undefined ? { status: 404, body: { message: "Not Found" } } : { status: 200, body };
}

function page({ lists, keys, lastPage }: GithubServer, path: string, url: URL): Fault {
  const query = url.searchParams;
  const all = sorted(lists.get(path) ?? [], query);
  const size = Math.min(100, Number(query.get("per_page") ?? 30));
  const number = Number(query.get("page") ?? 1);
  if (number > lastPage) {
    return {
      status: 422,
      body: {
        message:
          "Pagination with the page parameter is not supported for large datasets, please use cursor based pagination (after/before)",
      },
    };
  }
  const items = all.slice((number - 1) * size, number * size);
  const next = new URL(url);
  next.searchParams.set("page", String(number + 1));
  const before = new URL(url);
  before.searchParams.set("page", String(number - 1));
  const links = [
    ...(number > 1 ? [`<${before.href}>; rel="prev"`] : []),
    ...(number * size < all.length ? [`<${next.href}>; rel="next"`, `<${next.href}>; rel="last"`] : []),
  ];
  const headers: Record<string, string> = links.length === 0 ? {} : { link: links.join(", ") };
  const key = keys.get(path);
  return { status: 200, headers, body: key === undefined ? items : { total_count: all.length, [key]: items } };
}

function sorted(items: readonly Json[], query: URLSearchParams): readonly Json[] {
  const since = query.get("since");
  const field =
    query.get("sort") === "updated" ? "updated_at" : query.get("sort") === "created" ? "created_at" : undefined;
  const kept = since === null ? items : items.filter((item) => String(item.updated_at) >= since);
  if (field === undefined) return kept;
  const ascending = kept.toSorted((a, b) =>
    String(a[field]) < String(b[field]) ? -1 : String(a[field]) > String(b[field]) ? 1 : Number(a.id) - Number(b.id),
  );
  return query.get("direction") === "asc" ? ascending : ascending.reverse();
}
