import type { Bytes } from "../../bytes.ts";
import { SourceError } from "../../errors.ts";
import { fileName } from "../../keys.ts";
import type { Item } from "../connector.ts";
import { unchangedItem } from "./bundles.ts";
import { downloaded } from "./download.ts";
import { fileItem, tried } from "./file-item.ts";
import { kindItem } from "./kind-item.ts";
import type { Line } from "./lines.ts";
import { scratchFile } from "./scratch-file.ts";
import type { SubjectWork } from "./subject-work.ts";
import { TEXT_KINDS, type TextPlace, type Texts } from "./texts.ts";

/** `attachments.jsonl`: each file that a text shows, where it is shown, and whether it is stored. */
const ATTACHMENTS = { name: "attachments", reading: { how: "list", path: "" }, key: "url" } as const;

/**
 * Files in issues, comments, reviews, discussions and releases, each an artifact. GitHub never changes one under its URL, so one that is stored is taken over;
 * what was uploaded twice has two URLs and one artifact.
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
  const stored = await storedAttachments(work);
  let missing = 0;
  for (const [url, places] of found) {
    try {
      const artifact = yield* attachmentItem(work, webUrl, url, stored);
      lines.push(lineOf(url, places, { state: "STORED", artifact }));
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
  const stored = await storedAttachments(work);
  for await (const { json } of read?.() ?? []) {
    if (json.state === "STORED") yield* attachmentItem(work, webUrl, String(json.url), stored);
  }
  yield unchangedItem(kindItem(ATTACHMENTS, () => read?.() ?? none()));
}

async function* none(): AsyncGenerator<Line> {}

/** What the last snapshot holds, and what this one holds by now. */
interface StoredAttachments {
  /** Artifacts of the last snapshot by URL, with their digests. */
  readonly before: ReadonlyMap<string, StoredAttachment>;
  /** The same by digest. */
  readonly known: ReadonlyMap<string, StoredAttachment>;
  /** Artifacts of this snapshot by digest. */
  readonly held: Map<string, string>;
}

interface StoredAttachment {
  readonly artifact: string;
  readonly sha256: string;
}

async function storedAttachments({ previous }: SubjectWork): Promise<StoredAttachments> {
  const before = new Map<string, StoredAttachment>();
  const known = new Map<string, StoredAttachment>();
  for await (const { json } of previous.linesOf(ATTACHMENTS)?.() ?? []) {
    const artifact = String(json.artifact);
    const sha256 = previous.unit?.artifacts.get(artifact)?.facts.sha256;
    if (json.state !== "STORED" || typeof sha256 !== "string") continue;
    before.set(String(json.url), { artifact, sha256 });
    known.set(sha256, { artifact, sha256 });
  }
  return { before, known, held: new Map() };
}

/** Yields it unless its content is held already, under whatever URL. Answers the artifact. */
async function* attachmentItem(
  work: SubjectWork,
  webUrl: string,
  url: string,
  stored: StoredAttachments,
): AsyncGenerator<Item, string> {
  const download = () => attachmentBytes(work, webUrl, url);
  const same = stored.before.get(url);
  if (same !== undefined) return yield* heldItem(stored, same, { url, unchanged: true, open: download });
  const file = await scratchFile("attachment", download, work.context.signal);
  try {
    const { sha256, open } = file;
    const known = stored.known.get(sha256);
    if (known !== undefined) return yield* heldItem(stored, known, { url, unchanged: true, open });
    const artifact = fileName(
      `attachment-${sha256.slice(0, 16)}-${new URL(url).pathname.split("/").at(-1) ?? ""}`,
      ".bin",
    );
    return yield* heldItem(stored, { artifact, sha256 }, { url, unchanged: false, open });
  } finally {
    await file.remove();
  }
}

async function* heldItem(
  { held }: StoredAttachments,
  { artifact, sha256 }: StoredAttachment,
  { url, unchanged, open }: { readonly url: string; readonly unchanged: boolean; open(): Bytes },
): AsyncGenerator<Item, string> {
  const before = held.get(sha256);
  if (before !== undefined) return before;
  const what = `the attachment ${url}`;
  yield* tried(fileItem({ name: artifact, what, bytes: undefined, sha256, facts: { url }, unchanged, open }));
  held.set(sha256, artifact);
  return artifact;
}

/** Private ones want the token, at GitHub's own host and no other. */
async function* attachmentBytes({ session, context: { signal } }: SubjectWork, webUrl: string, url: string): Bytes {
  const isOwn = new URL(url).origin === new URL(webUrl).origin;
  const headers: Record<string, string> = isOwn ? { authorization: await session.account().authorization(signal) } : {};
  yield* downloaded({ url, headers, what: `the attachment ${url}`, signal, wall: "/login" });
}
