import { SourceError, TransientError } from "../../errors.ts";

/** An answer whose body was read to its end. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  /** The parsed body; undefined for a 304 and for an empty one. */
  readonly json: unknown;
  readonly bytes: number;
  /** Of a file alone, and not read yet: the caller's to read or to cancel. */
  readonly body?: Response["body"];
}

/** Pages are of at most a hundred objects; a longer answer is none of GitHub's. */
const MAX_BODY_BYTES = 128 * 1024 * 1024;

/** @throws TransientError `SOURCE_TRUNCATED` for a body that ends early or is no JSON: such an answer is asked for again */
export async function readAnswer(response: Response, what: string): Promise<Answer> {
  const { status, headers } = response;
  const text = await bodyText(response, what);
  const bytes = Buffer.byteLength(text);
  if (status === 304 || text === "") return { status, headers, json: undefined, bytes };
  try {
    return { status, headers, json: parsed(text), bytes };
  } catch (error) {
    // Proxies answer faults with pages of HTML.
    if (status >= 400) return { status, headers, json: undefined, bytes };
    throw new TransientError("SOURCE_TRUNCATED", `${what} is answered with what is no JSON`, { cause: error });
  }
}

/** With it a private repository can be cloned; GitHub puts another one into each answer about one. What lets somebody in is not kept. */
const CREDENTIAL = "temp_clone_token";

function parsed(text: string): unknown {
  if (!text.includes(CREDENTIAL)) return JSON.parse(text);
  return JSON.parse(text, (key, value: unknown) => (key === CREDENTIAL ? undefined : value));
}

/** Where a file lies, or its bytes to come. */
export async function fileAnswer({ status, headers, body }: Response): Promise<Answer> {
  const answer = { status, headers, json: undefined, bytes: 0 };
  if (status === 200) return { ...answer, body };
  await body?.cancel();
  return answer;
}

async function bodyText(response: Response, what: string): Promise<string> {
  const pieces: Uint8Array[] = [];
  let total = 0;
  try {
    for await (const piece of (response.body ?? []) as AsyncIterable<Uint8Array>) {
      total += piece.byteLength;
      if (total > MAX_BODY_BYTES) throw new SourceError("SOURCE_PROTOCOL", `${what} is answered without end`);
      pieces.push(piece);
    }
  } catch (error) {
    if (error instanceof SourceError) throw error;
    throw new TransientError("SOURCE_TRUNCATED", `the answer to ${what} ended too early`, { cause: error });
  }
  return Buffer.concat(pieces).toString("utf8");
}

/** `message` of a GitHub error, for people. */
export function messageOf(json: unknown): string {
  const message = typeof json === "object" && json !== null && "message" in json ? json.message : undefined;
  return typeof message === "string" ? message.slice(0, 300) : "";
}
