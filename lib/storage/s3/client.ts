import { createHash, webcrypto } from "node:crypto";
import { readFileSync } from "node:fs";
import { getCACertificates } from "node:tls";
import { S3Client, type S3ClientConfig } from "@aws-sdk/client-s3";
import { type Agents, networkAgents } from "../../network/agents.ts";
import { proxyVariablesInUse } from "../../network/proxies.ts";
import { givenProxy, type ProxyVariables } from "../../network/proxy-variables.ts";
import { readWide } from "./wide-reads.ts";

export interface ClientSettings {
  readonly region?: string | undefined;
  readonly endpoint?: string | undefined;
  readonly pathStyle: boolean;
  readonly credentials: NonNullable<S3ClientConfig["credentials"]>;
  readonly connection: Connection;
  /** Of tests: how long a server may be silent, in milliseconds. */
  readonly silence?: Silence | undefined;
}

interface Silence {
  readonly usualMs: number;
  /** For an answer before which the server puts an object together. */
  readonly assemblyMs: number;
}

/** How the client and what fetches its credentials reach their servers. */
export type Connection = Agents;

export interface ConnectionSettings {
  /** Trusted in addition to what the system trusts. */
  readonly caFile?: string | undefined;
  /** For everything; without it, what the process goes through. */
  readonly proxy?: string | undefined;
}

const CONNECT_MS = 10_000;
/**
 * Silence for so long is a dead connection. Not while an object is copied or put together from its parts: AWS sends blanks
 * meanwhile, others nothing at all until hundreds of gigabytes are in their place.
 */
const SILENCE: Silence = { usualMs: 60_000, assemblyMs: 30 * 60_000 };
/** Below it a thread costs more than it saves. */
const HASH_IN_THREAD_BYTES = 64 * 1024;

/** A client that tries nothing again by itself: lib/retry.ts does, once for all storages. */
export function createS3Client(settings: ClientSettings): S3Client {
  const { usualMs, assemblyMs } = settings.silence ?? SILENCE;
  const client = clientOf(settings, usualMs);
  const [usual, patient] = [client.config.requestHandler, clientOf(settings, assemblyMs).config.requestHandler];
  client.config.requestHandler = Object.assign(Object.create(usual), {
    handle: (...args: Parameters<typeof usual.handle>) => (isAssembly(args[0]) ? patient : usual).handle(...args),
  });
  client.middlewareStack.add(
    (next) => async (args) => {
      const { request } = args;
      if (isRequest(request)) request.headers["x-amz-content-sha256"] ??= await payloadHash(request);
      return next(args);
    },
    { step: "build", name: "payloadHash" },
  );
  return client;
}

function clientOf(
  { region, endpoint, pathStyle, credentials, connection }: ClientSettings,
  silenceMs: number,
): S3Client {
  return new S3Client({
    ...(region === undefined ? {} : { region }),
    ...(endpoint === undefined ? {} : { endpoint }),
    forcePathStyle: pathStyle,
    credentials,
    maxAttempts: 1,
    requestHandler: requestHandler(connection, silenceMs),
    // Every request that stores brings its own checksum, and reading compares with the manifest's.
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
  });
}

/** The end of an upload, and every copy. */
const isAssembly = ({ method, query, headers }: Assembling): boolean =>
  (method === "POST" && "uploadId" in query) || "x-amz-copy-source" in headers;

interface Assembling {
  readonly method: string;
  readonly query: object;
  readonly headers: object;
}

export const requestHandler = ({ httpAgent, httpsAgent }: Connection, silenceMs = SILENCE.usualMs) => ({
  httpAgent,
  httpsAgent,
  connectionTimeout: CONNECT_MS,
  socketTimeout: silenceMs,
});

/** @throws Error when the file of the authority cannot be read */
export function connect({ caFile, proxy }: ConnectionSettings): Connection {
  const proxies = proxiesFor(proxy);
  const ca = caFile === undefined ? {} : { ca: [...getCACertificates("default"), readFileSync(caFile, "utf8")] };
  const { httpAgent, httpsAgent } = networkAgents({ proxies, ...ca });
  if (proxies.HTTP_PROXY === undefined && proxies.HTTPS_PROXY === undefined) {
    readWide(httpAgent);
    readWide(httpsAgent);
  }
  return { httpAgent, httpsAgent };
}

/** Of a storage, with its own proxy or without. */
export const proxiesFor = (proxy: string | undefined): ProxyVariables =>
  proxy === undefined ? proxyVariablesInUse() : givenProxy(proxy, []);

interface Request {
  readonly protocol: string;
  readonly headers: Record<string, string>;
  readonly body?: unknown;
}

const isRequest = (request: unknown): request is Request =>
  typeof request === "object" && request !== null && "headers" in request && "protocol" in request;

/** One at a time: a body is copied before it is hashed, and one of 8 MiB for each part in flight is much. */
let hashing: Promise<unknown> = Promise.resolve();

/**
 * Over TLS nothing is gained by hashing a body a second time: its checksum is among the signed headers. Without TLS
 * the signature covers the body itself, and large ones are hashed on a thread.
 */
async function payloadHash({ protocol, body }: Request): Promise<string> {
  if (protocol === "https:") return "UNSIGNED-PAYLOAD";
  if (body instanceof Uint8Array && body.byteLength >= HASH_IN_THREAD_BYTES) {
    const digest = hashing.then(() => webcrypto.subtle.digest("SHA-256", body));
    hashing = digest.catch(() => {});
    return Buffer.from(await digest).toString("hex");
  }
  const small = typeof body === "string" || body instanceof Uint8Array ? body : "";
  return createHash("sha256").update(small).digest("hex");
}
