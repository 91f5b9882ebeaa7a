import { request as httpRequest, type IncomingHttpHeaders, type IncomingMessage } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type * as z from "zod";
import { type Bytes, bytesOf, readAll } from "../../../bytes.ts";
import { SourceError } from "../../../errors.ts";
import { type Connection, type EnginePlace, openConnection } from "./connect.ts";
import { brokenOff, connectionFault, refusal } from "./fault.ts";

export interface EngineRequest {
  readonly method: "GET" | "HEAD" | "POST" | "PUT" | "DELETE";
  /** Without the version: `/volumes/x`, each part percent-encoded. */
  readonly path: string;
  /** Paths in containers are bytes. */
  readonly query?: Readonly<Record<string, string | Buffer | undefined>>;
  /** Becomes JSON. */
  readonly json?: unknown;
  readonly tar?: Bytes;
  readonly signal: AbortSignal;
  /** For the error: `does not start the container web`. */
  readonly what: string;
}

export interface EngineAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Ends only when all of it came. @throws TransientError `SOURCE_TRUNCATED` */
  readonly body: Bytes;
}

/** A Docker Engine, spoken to in the newest version of its interface that both sides know. */
export interface Engine {
  readonly place: EnginePlace;
  readonly apiVersion: string;
  /** The answer as it comes. Its body is to be read to the end, or let go of. @throws EngineRefusal for a status from 400 on */
  open(request: EngineRequest): Promise<EngineAnswer>;
  /** Sends and waits for the end of the answer. */
  send(request: EngineRequest): Promise<{ readonly status: number; readonly text: string }>;
  ask<T>(request: EngineRequest, schema: z.ZodType<T>): Promise<T>;
  close(): Promise<void>;
}

/** Mounts in containers (1.25) are the newest thing that is needed; from 1.51 on nothing was looked at yet. */
const LEAST_VERSION = 25;
const NEWEST_VERSION = 51;
const PING_MS = 30_000;
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;

/** @throws SourceError | TransientError that says how the Engine can be reached */
export async function openEngine(place: EnginePlace, signal: AbortSignal): Promise<Engine> {
  const connection = await openConnection(place, signal);
  try {
    const apiVersion = await negotiate(connection, place, signal);
    return engineOver(connection, place, apiVersion);
  } catch (error) {
    await connection.close();
    throw error;
  }
}

function engineOver(connection: Connection, place: EnginePlace, apiVersion: string): Engine {
  const open = (request: EngineRequest) => exchange(connection, place, `/v${apiVersion}`, request);
  const send = async (request: EngineRequest) => {
    const { status, body } = await open(request);
    return { status, text: await textOf(body, place) };
  };
  return {
    place,
    apiVersion,
    open,
    send,
    async ask(request, schema) {
      const { text } = await send(request);
      const parsed = schema.safeParse(jsonOf(text, place));
      if (parsed.success) return parsed.data;
      const [issue] = parsed.error.issues;
      throw new SourceError(
        "SOURCE_PROTOCOL",
        `the Engine at ${place.name} answers ${request.path} otherwise than Docker does: ${issue?.path.join(".")}: ${issue?.message}`,
      );
    },
    close: connection.close,
  };
}

async function negotiate(connection: Connection, place: EnginePlace, signal: AbortSignal): Promise<string> {
  const limited = AbortSignal.any([signal, AbortSignal.timeout(PING_MS)]);
  const ping = { method: "GET", path: "/_ping", what: "does not answer", signal: limited } as const;
  try {
    const { headers, body } = await exchange(connection, place, "", ping);
    await textOf(body, place);
    return chosenVersion(headers["api-version"], place);
  } catch (error) {
    signal.throwIfAborted();
    if (limited.aborted) throw connectionFault(new Error(`no answer within ${PING_MS / 1000} s`), place);
    throw error;
  }
}

function chosenVersion(header: string | string[] | undefined, { name }: EnginePlace): string {
  const [, minor] = /^1\.(\d+)$/.exec(String(header)) ?? [];
  if (minor === undefined)
    throw new SourceError("SOURCE_PROTOCOL", `what listens at ${name} is no Docker Engine: it names no version`);
  if (Number(minor) < LEAST_VERSION) {
    throw new SourceError(
      "SOURCE_PROTOCOL",
      `the Engine at ${name} speaks version 1.${minor}, and 1.${LEAST_VERSION} is needed (Docker 17.03)`,
    );
  }
  return `1.${Math.min(Number(minor), NEWEST_VERSION)}`;
}

async function exchange(
  { agent }: Connection,
  place: EnginePlace,
  prefix: string,
  { method, path, query = {}, json, tar, signal, what }: EngineRequest,
): Promise<EngineAnswer> {
  signal.throwIfAborted();
  const given = Object.entries(query).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}=${percentEncoded(value)}`],
  );
  const body = json === undefined ? tar : bytesOf(JSON.stringify(json));
  const sent = httpRequest({
    agent,
    method,
    path: `${prefix}${path}${given.length === 0 ? "" : `?${given.join("&")}`}`,
    headers: {
      // A bare name would do for sockets; Engines from 28.3 on check that it is a valid one.
      host: place.host.kind === "tcp" ? `${place.host.host}:${place.host.port}` : "localhost",
      ...(json !== undefined && { "content-type": "application/json" }),
      ...(tar !== undefined && { "content-type": "application/x-tar" }),
    },
    signal,
  });
  const answered = new Promise<IncomingMessage>((resolve, reject) => {
    sent.once("response", resolve);
    // More than one can come, and one without a listener would end the process.
    sent.on("error", reject);
  });
  answered.catch(() => {});
  // The Engine may refuse before it has read everything; only the source's own failure counts then.
  const feeding = feed(body, sent);
  try {
    const response = await Promise.race([answered, feeding.failed]);
    const status = response.statusCode ?? 0;
    if (status < 400) return { status, headers: response.headers, body: bodyOf(response, place, signal) };
    const text = await textOf(bodyOf(response, place, signal), place);
    throw refusal(status, text, place, what);
  } catch (error) {
    sent.destroy();
    signal.throwIfAborted();
    if (feeding.error !== undefined) throw feeding.error;
    throw connectionFault(error, place);
  }
}

function percentEncoded(value: string | Buffer): string {
  if (typeof value === "string") return encodeURIComponent(value);
  return [...value].map((byte) => `%${byte.toString(16).padStart(2, "0")}`).join("");
}

interface Feeding {
  /** Rejects when the source fails; never resolves. */
  readonly failed: Promise<never>;
  error?: Error;
}

function feed(body: Bytes | undefined, into: ReturnType<typeof httpRequest>): Feeding {
  let fail: (error: unknown) => void = () => {};
  const feeding: Feeding = {
    failed: new Promise<never>((_, reject) => {
      fail = reject;
    }),
  };
  feeding.failed.catch(() => {});
  if (body === undefined) {
    into.end();
    return feeding;
  }
  const watched = async function* (): Bytes {
    try {
      yield* body;
    } catch (error) {
      feeding.error = error instanceof Error ? error : new Error(String(error));
      throw error;
    }
  };
  pipeline(Readable.from(watched(), { objectMode: false }), into).catch(() => {
    if (feeding.error !== undefined) fail(feeding.error);
  });
  return feeding;
}

async function* bodyOf(response: IncomingMessage, place: EnginePlace, signal: AbortSignal): Bytes {
  try {
    yield* response as AsyncIterable<Uint8Array>;
    if (!response.complete) throw new Error("the answer is shorter than announced");
  } catch (error) {
    signal.throwIfAborted();
    throw brokenOff(error, place);
  } finally {
    if (!response.complete) response.destroy();
  }
}

async function textOf(body: Bytes, { name }: EnginePlace): Promise<string> {
  try {
    return Buffer.from(await readAll(body, MAX_ANSWER_BYTES)).toString("utf8");
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new SourceError("SOURCE_PROTOCOL", `the Engine at ${name} answers without end`, { cause: error });
  }
}

function jsonOf(text: string, { name }: EnginePlace): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new SourceError("SOURCE_PROTOCOL", `the Engine at ${name} answers what is no JSON`, { cause: error });
  }
}
