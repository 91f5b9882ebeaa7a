import * as z from "zod";
import { SourceError, TransientError } from "../../errors.ts";
import { connectionFault } from "../../git/http-fault.ts";
import { networkFetch } from "../../network/fetch.ts";
import { retryAfterMs } from "../../retry-after.ts";
import { tool } from "../../tool.ts";
import { authorized, type Credentials } from "./authorized.ts";
import type { LfsPointer } from "./lfs-pointers.ts";
import { messageOf, readAnswer } from "./response.ts";

/** Where one object is to be had, or why it is not. */
export type LfsPlace =
  | { readonly oid: string; readonly url: string; readonly headers: Readonly<Record<string, string>> }
  | LfsRefusal;

/** Without a code the server says nothing of the object: that is no answer, and nothing of it is known. */
export interface LfsRefusal {
  readonly oid: string;
  readonly code: number | undefined;
  readonly message: string;
}

const MEDIA_TYPE = "application/vnd.git-lfs+json";

/** As HTTP has them: others could not be sent. */
function areHeaders(header: Readonly<Record<string, string>>): boolean {
  try {
    return new Headers(header) instanceof Headers;
  } catch {
    return false;
  }
}

const batchSchema = z.object({ objects: z.array(z.unknown()) });

/** What a server leaves out others give as null. */
const objectSchema = z.object({
  oid: z.string(),
  actions: z
    .object({
      download: z
        .object({
          href: z.url({ protocol: /^https?$/ }),
          header: z.record(z.string(), z.string()).refine(areHeaders).nullish(),
        })
        .nullish(),
    })
    .nullish(),
  error: z.object({ code: z.int(), message: z.string().default("") }).nullish(),
});

/**
 * Asks where objects are, at most a hundred at a time. https://github.com/git-lfs/git-lfs/blob/main/docs/api/batch.md
 * @throws SourceError `SOURCE_FORBIDDEN` when the quota is used up | TransientError
 */
export function lfsPlaces(
  cloneUrl: string,
  session: Credentials,
  objects: readonly LfsPointer[],
): Promise<readonly LfsPlace[]> {
  return authorized(session, (authorization) => places(cloneUrl, authorization, objects, session.signal));
}

async function places(
  cloneUrl: string,
  authorization: string,
  objects: readonly LfsPointer[],
  signal: AbortSignal,
): Promise<readonly LfsPlace[]> {
  const ask = (some: readonly LfsPointer[]) => places(cloneUrl, authorization, some, signal);
  const body = JSON.stringify({ operation: "download", transfers: ["basic"], objects });
  const response = await post(`${cloneUrl}/info/lfs/objects/batch`, authorization, body, signal);
  const { status, json } = await readAnswer(response, "the LFS batch API");
  if (status === 422) return inHalves(objects, messageOf(json), ask);
  if (status !== 200) throw statusFault(response, messageOf(json));
  const parsed = batchSchema.safeParse(json);
  if (!parsed.success) throw new SourceError("SOURCE_PROTOCOL", "the LFS batch API answers with something else");
  const told = new Map(
    parsed.data.objects.flatMap((object) => {
      const known = objectSchema.safeParse(object).data;
      return known === undefined ? [] : [[known.oid, placeOf(known, cloneUrl, authorization)] as const];
    }),
  );
  return objects.map(
    ({ oid }) =>
      told.get(oid) ?? { oid, code: undefined, message: "the LFS batch API says nothing of it that is known" },
  );
}

/** Whoever may push a pointer can write one that a server does not accept, and with it all that are asked for at once. */
async function inHalves(
  objects: readonly LfsPointer[],
  message: string,
  ask: (some: readonly LfsPointer[]) => Promise<readonly LfsPlace[]>,
): Promise<readonly LfsPlace[]> {
  const [first, ...others] = objects;
  if (first === undefined || others.length === 0) return objects.map(({ oid }) => ({ oid, code: 422, message }));
  const half = Math.ceil(objects.length / 2);
  return [...(await ask(objects.slice(0, half))), ...(await ask(objects.slice(half)))];
}

async function post(url: string, authorization: string, body: string, signal: AbortSignal): Promise<Response> {
  const headers = {
    authorization,
    accept: MEDIA_TYPE,
    "content-type": MEDIA_TYPE,
    "user-agent": `${tool.name}/${tool.version}`,
  };
  try {
    return await networkFetch(url, { method: "POST", headers, body, signal });
  } catch (error) {
    signal.throwIfAborted();
    throw connectionFault(error, url);
  }
}

/** The credentials go to the repository's own host only; to others what the server says is to be shown there. */
function placeOf(
  { oid, actions, error }: z.infer<typeof objectSchema>,
  cloneUrl: string,
  authorization: string,
): LfsPlace {
  const download = actions?.download;
  if (!download || error)
    return { oid, code: error?.code, message: error?.message ?? "the LFS batch API has no download for it" };
  const isOwn = new URL(download.href).origin === new URL(cloneUrl).origin;
  const headers = new Headers({ ...(isOwn ? { authorization } : {}) });
  // Whatever way the name is written: two values of one header would be sent as one.
  for (const [name, value] of Object.entries(download.header ?? {})) headers.set(name, value);
  return { oid, url: download.href, headers: Object.fromEntries(headers) };
}

/** The server has no such object. Any other code is of the server or of our rights, and says nothing of the object. */
export const isMissing = (place: LfsPlace): place is LfsRefusal =>
  "code" in place && (place.code === 404 || place.code === 410);

/** Codes of single objects are those of HTTP; 507 and 509 say that space or bandwidth is used up. */
export function placeFault({ code, message }: LfsRefusal, what: string): SourceError | TransientError {
  if (code === undefined) return new SourceError("SOURCE_PROTOCOL", `${what} cannot be had: ${message}`);
  const said = `${what} is answered with ${code}${message === "" ? "" : `: ${message}`}`;
  if (code === 404 || code === 410) return new SourceError("SOURCE_NOT_FOUND", said);
  if (code === 429) return new TransientError("SOURCE_RATE_LIMITED", said);
  if (code >= 500 && code !== 507 && code !== 509) return new TransientError("SOURCE_UNAVAILABLE", said);
  return new SourceError(code === 401 ? "SOURCE_UNAUTHORIZED" : "SOURCE_FORBIDDEN", said);
}

function statusFault({ status, headers }: Response, message: string): SourceError | TransientError {
  const said = message === "" ? "" : `: ${message}`;
  if (status === 509 || status === 507)
    return new SourceError("SOURCE_FORBIDDEN", `the LFS batch API answers ${status}${said}`);
  if (status >= 500 || status === 429 || status === 408) {
    return new TransientError("SOURCE_UNAVAILABLE", `the LFS batch API answers ${status}${said}`, {
      retryAfterMs: retryAfterMs(headers.get("retry-after")),
    });
  }
  if (status === 404)
    return new SourceError("SOURCE_NOT_FOUND", `the server has no LFS for this repository (404)${said}`);
  const code = status === 401 ? "SOURCE_UNAUTHORIZED" : "SOURCE_FORBIDDEN";
  return new SourceError(code, `the LFS batch API answers ${status}${said}`);
}
