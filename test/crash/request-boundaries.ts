import http, { type ClientRequest } from "node:http";
import { syncBuiltinESMExports } from "node:module";

/**
 * Numbers every moment at which a killed process leaves a bucket in another state than a moment before, as boundaries.ts does
 * for folders: before each request that changes something is sent, in the middle of its body, and when its answer
 * comes, which nobody reads any more. To be imported before anything of lib/.
 */
const watched = { bucket: "", passed: [] as string[], at: (_passed: number) => {} };

/** Counts from now on, and calls `at` with the number of each, right before it. */
export function watchRequests(bucket: string, prefix: string, at: (passed: number) => void): readonly string[] {
  Object.assign(watched, { bucket: `/${bucket}/${prefix}`, at });
  return watched.passed;
}

const READING = new Set(["GET", "HEAD"]);
const { request } = http;

function watchedRequest(...args: Parameters<typeof request>): ClientRequest {
  const sent = request(...args);
  const what = changeOf(sent);
  if (what === undefined) return sent;
  boundary(`before ${what}`);
  sent.prependOnceListener("response", () => boundary(`after ${what}`));
  const end = sent.end.bind(sent);
  Object.assign(sent, {
    end(body: unknown) {
      if (!(body instanceof Uint8Array) || body.byteLength < 2) return end(body);
      const half = body.byteLength >> 1;
      // When its first half has left this process.
      sent.write(body.subarray(0, half), () => {
        boundary(`in the middle of ${what}`);
        end(body.subarray(half));
      });
      return sent;
    },
  });
  return sent;
}

/** `PUT docs/…/big.tar?partNumber=1`; undefined for what changes nothing, or not in that bucket. */
function changeOf({ method, path }: ClientRequest): string | undefined {
  const { bucket } = watched;
  if (bucket === "" || READING.has(method)) return undefined;
  const { pathname, searchParams } = new URL(path, "http://localhost");
  const isOfMany = pathname.replace(/\/?$/, "/") === bucket.slice(0, bucket.indexOf("/", 1) + 1);
  if (!isOfMany && !pathname.startsWith(bucket)) return undefined;
  const names = [...searchParams].flatMap(([name, value]) =>
    name === "x-id" ? [] : [name === "partNumber" ? `${name}=${value}` : name],
  );
  const key = isOfMany ? "" : decodeURIComponent(pathname.slice(bucket.length));
  return `${method} ${key}${names.length === 0 ? "" : `?${names.join("&")}`}`;
}

function boundary(what: string): void {
  watched.passed.push(what);
  watched.at(watched.passed.length);
}

Object.assign(http, { request: watchedRequest });
syncBuiltinESMExports();
