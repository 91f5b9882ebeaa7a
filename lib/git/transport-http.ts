import { SourceError } from "../errors.ts";
import { networkFetch } from "../network/fetch.ts";
import { tool } from "../tool.ts";
import { type ByteReader, byteReader, truncated } from "./byte-reader.ts";
import { bodyBytes, checkStatus, connectionFault } from "./http-fault.ts";
import type { HttpRemote } from "./http-remote.ts";
import { type PacketReader, packetReader, packetText } from "./pkt-line.ts";
import { followed, hostOf } from "./redirect.ts";
import type { Transport } from "./transport.ts";

/** What answers at a URL: a server that speaks the protocol, or plain files ("dumb"). */
export type HttpPeer =
  | { readonly kind: "smart"; readonly transport: Transport }
  | { readonly kind: "dumb"; readonly url: string };

const MAX_REDIRECTS = 5;

/**
 * Asks a web server for its refs. https://git-scm.com/docs/http-protocol
 * Redirects are followed for this first request only, to the same host, and never from https to http.
 * @throws SourceError | TransientError with a code for each status
 */
export async function openHttp(remote: HttpRemote, signal: AbortSignal): Promise<HttpPeer> {
  const { response, url } = await discover(remote, signal);
  const type = contentType(response);
  const reader = byteReader(bodyBytes(response, signal));
  try {
    if (type === "application/x-git-upload-pack-advertisement") {
      return { kind: "smart", transport: await smart({ ...remote, url }, reader, signal) };
    }
    if (await looksDumb(type, reader)) return { kind: "dumb", url };
    throw new SourceError(
      "SOURCE_PROTOCOL",
      `${hostOf(url)} answers with ${type === "" ? "no content type" : type}, which is not git`,
    );
  } catch (error) {
    await reader.close();
    throw error;
  }
}

/** A plain file of a repository that is served as files; undefined when it is not there. */
export async function fetchFile(
  remote: HttpRemote,
  path: string,
  signal: AbortSignal,
): Promise<ByteReader | undefined> {
  const response = await request(`${remote.url}/${path}`, { headers: headersOf(remote) }, signal);
  if (response.status === 404) {
    await response.body?.cancel();
    return undefined;
  }
  await checkStatus(response, remote);
  return byteReader(bodyBytes(response, signal));
}

async function discover(remote: HttpRemote, signal: AbortSignal): Promise<{ response: Response; url: string }> {
  let url = remote.url;
  for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects += 1) {
    const headers = { ...headersOf(remote), "git-protocol": "version=2" };
    const response = await request(`${url}/info/refs?service=git-upload-pack`, { headers }, signal);
    const location = response.headers.get("location");
    if (response.status < 300 || response.status >= 400 || location === null) {
      await checkStatus(response, remote);
      return { response, url };
    }
    await response.body?.cancel();
    url = followed(url, location);
  }
  throw new SourceError("SOURCE_REDIRECTED", `${hostOf(remote.url)} redirects in a circle`);
}

async function smart(remote: HttpRemote, reader: ByteReader, signal: AbortSignal): Promise<Transport> {
  let last = reader;
  return {
    greeting: await greetingOf(reader),
    async send(body) {
      // Read to its end, the connection can be used again.
      if ((await last.some()) !== undefined) await last.close();
      const headers = {
        ...headersOf(remote),
        "git-protocol": "version=2",
        "content-type": "application/x-git-upload-pack-request",
        accept: "application/x-git-upload-pack-result",
      };
      const response = await request(`${remote.url}/git-upload-pack`, { method: "POST", headers, body }, signal);
      await checkStatus(response, remote);
      const type = contentType(response);
      last = byteReader(bodyBytes(response, signal));
      if (type !== "application/x-git-upload-pack-result") {
        await last.close();
        throw new SourceError(
          "SOURCE_PROTOCOL",
          `${hostOf(remote.url)} answers a request for git data with ${type || "no content type"}`,
        );
      }
      return packetReader(last);
    },
    async finish() {
      const more = await last.some();
      if (more !== undefined)
        throw new SourceError("SOURCE_PROTOCOL", "the server sends more than its protocol allows");
    },
    close: () => last.close(),
  };
}

/** Before the greeting proper stands `# service=git-upload-pack`; newer servers leave it out for protocol v2. */
async function greetingOf(reader: ByteReader): Promise<PacketReader> {
  const packets = packetReader(reader);
  const length = await reader.read(4);
  const mark = await reader.read(1);
  if (length === undefined || mark === undefined) throw truncated();
  reader.unread(mark);
  reader.unread(length);
  if (mark[0] !== "#".charCodeAt(0)) return packets;
  const service = await packets.expect();
  const flush = await packets.expect();
  if (service.type !== "data" || packetText(service.data) !== "# service=git-upload-pack" || flush.type !== "flush") {
    throw new SourceError("SOURCE_PROTOCOL", "the server announces another service than git-upload-pack");
  }
  return packets;
}

/** `info/refs` as a file has lines of an object id, a tab and a name; that of an empty repository is empty. */
async function looksDumb(type: string, reader: ByteReader): Promise<boolean> {
  if (type.includes("html")) return false;
  const start = await reader.some();
  if (start === undefined) return true;
  reader.unread(start);
  const text = Buffer.from(start.subarray(0, 65)).toString("latin1");
  await reader.close();
  return /^([0-9a-f]{40}|[0-9a-f]{64})\t/.test(text);
}

async function request(url: string, init: RequestInit, signal: AbortSignal): Promise<Response> {
  try {
    return await networkFetch(url, { ...init, signal });
  } catch (error) {
    signal.throwIfAborted();
    throw connectionFault(error, url);
  }
}

function headersOf(remote: HttpRemote): Record<string, string> {
  const headers: Record<string, string> = {
    "user-agent": `${tool.name}/${tool.version}`,
    accept: "*/*",
    "accept-encoding": "identity",
  };
  if (remote.authorization !== undefined) headers.authorization = remote.authorization;
  return headers;
}

const contentType = (response: Response): string =>
  (response.headers.get("content-type") ?? "").split(";")[0]?.trim().toLowerCase() ?? "";
