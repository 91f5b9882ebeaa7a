import { createHash } from "node:crypto";
import { SourceError } from "../../errors.ts";
import { fileName } from "../../keys.ts";
import type { Item } from "../connector.ts";
import { unchangedItem } from "./bundles.ts";
import { downloaded } from "./download.ts";
import { fileItem, tried } from "./file-item.ts";
import { kindItem } from "./kind-item.ts";
import type { Line } from "./lines.ts";
import type { SubjectWork } from "./subject-work.ts";
import { TEXT_KINDS, type TextPlace, type Texts } from "./texts.ts";

/** `attachments.jsonl`: each file that a text shows, where it is shown, and whether it is stored. */
const ATTACHMENTS = { name: "attachments", reading: { how: "list", path: "" }, key: "url" } as const;

/**
 * Files in issues, comments, reviews, discussions and releases, each an artifact. GitHub never changes one under its URL, so one that is stored is taken over.
 * One that is not there, or not for us, is told line by line, and fails nothing: texts go on showing what was deleted long ago.
 */
export async function* attachmentItems(work: SubjectWork, webUrl: string, texts: Texts): AsyncGenerator<Item> {
  const { previous, states, failures } = work;
  const before = previous.stateOf("attachments", "attachments.jsonl");
  const kinds = work.kinds.filter(({ name }) => TEXT_KINDS.has(name));
  try {
    if (before !== undefined && !kinds.some(texts.has)) {
      states.set("attachments", before);
      if (before.state === "READ") yield* unchangedAttachments(work, webUrl);
      return;
    }
    // Texts of kinds that are as they were have not passed.
    for (const kind of kinds) {
      if (texts.has(kind) || states.get(kind.name)?.state !== "READ") continue;
      texts.begin(kind);
      for await (const line of previous.linesOf(kind)?.() ?? []) texts.note(kind, line);
    }
    const found = texts.all();
    if (found.length > 0) yield* eachAttachment(work, webUrl, found);
    states.set("attachments", { state: found.length === 0 ? "EMPTY" : "READ" });
  } catch (error) {
    failures.add("attachments", error);
  }
}

async function* eachAttachment(
  work: SubjectWork,
  webUrl: string,
  found: ReturnType<Texts["all"]>,
): AsyncGenerator<Item> {
  const lines: Line[] = [];
  let missing = 0;
  for (const [url, places] of found) {
    const item = attachmentItem(work, webUrl, url);
    try {
      yield* tried(item);
      lines.push(lineOf(url, places, { state: "STORED", artifact: item.name }));
    } catch (error) {
      if (!(error instanceof SourceError) || !GONE.has(error.code)) throw error;
      missing += 1;
      lines.push(
        lineOf(url, places, {
          state: error.code === "SOURCE_NOT_FOUND" ? "MISSING" : "FORBIDDEN",
          reason: work.redact(error.message),
        }),
      );
    }
  }
  if (missing > 0) {
    work.context.warn({
      code: "GITHUB_ATTACHMENT_MISSING",
      message: `${missing} of ${lines.length} files that texts show could not be had; attachments.jsonl names them`,
    });
  }
  yield kindItem(ATTACHMENTS, async function* () {
    yield* lines;
  });
}

const GONE: ReadonlySet<string> = new Set(["SOURCE_NOT_FOUND", "SOURCE_FORBIDDEN", "SOURCE_UNAUTHORIZED"]);

const lineOf = (url: string, places: readonly TextPlace[], what: Readonly<Record<string, string>>): Line => ({
  key: url,
  json: { url, ...what, in: places },
});

async function* unchangedAttachments(work: SubjectWork, webUrl: string): AsyncGenerator<Item> {
  const read = work.previous.linesOf(ATTACHMENTS);
  for await (const { json } of read?.() ?? []) {
    if (json.state === "STORED") yield attachmentItem(work, webUrl, String(json.url));
  }
  yield unchangedItem(kindItem(ATTACHMENTS, () => read?.() ?? none()));
}

async function* none(): AsyncGenerator<Line> {}

/** Its name is made of its URL, so the same file shown in many places is stored once. */
function attachmentItem({ session, previous, context: { signal } }: SubjectWork, webUrl: string, url: string): Item {
  const digest = createHash("sha256").update(url).digest("hex").slice(0, 16);
  const name = fileName(`attachment-${digest}-${new URL(url).pathname.split("/").at(-1) ?? ""}`, ".bin");
  return fileItem({
    name,
    what: `the attachment ${url}`,
    bytes: undefined,
    sha256: undefined,
    facts: { url },
    unchanged: previous.unit?.artifacts.get(name)?.facts.url === url,
    async *open() {
      // Private ones want the token, at GitHub's own host and no other.
      const isOwn = new URL(url).origin === new URL(webUrl).origin;
      const headers: Record<string, string> = isOwn
        ? { authorization: await session.account().authorization(signal) }
        : {};
      yield* downloaded({ url, headers, what: `the attachment ${url}`, signal, wall: "/login" });
    },
  });
}
