import type { Bytes } from "../../bytes.ts";
import { SourceError } from "../../errors.ts";
import { fileName } from "../../keys.ts";
import type { Item } from "../connector.ts";
import { downloaded } from "./download.ts";
import { isOfTheSource } from "./failures.ts";
import { fileItem } from "./file-item.ts";
import { type FileTries, fileTries } from "./file-tries.ts";
import { kindItem } from "./kind-item.ts";
import type { Line } from "./lines.ts";
import { shortPatience } from "./patience.ts";
import { scratchFile } from "./scratch-file.ts";
import type { SubjectWork } from "./subject-work.ts";
import { TEXT_KINDS, type Texts } from "./texts.ts";
import { unchangedItem } from "./unchanged-item.ts";

/** `attachments.jsonl`: each file that a text shows, where it is shown, and whether it is stored. */
const ATTACHMENTS = { name: "attachments", reading: { how: "list", path: "" }, key: "url" } as const;
/** GitHub takes videos of 100 MB and no larger files: what is longer was not uploaded to be shown in a text. */
const MAX_BYTES = 256 * 1024 * 1024;
/** So many that are still forbidden stand for the others, of which there may be thousands: rights are of a repository, not of a file. */
const REFUSED_FOR_ALL = 5;
/** Artifacts of files are called so, and their number by digest, and their own name. */
const PREFIX = "attachment-";

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
  for (const [url, places] of found) {
    const fate = yield* attachmentFate(work, webUrl, url, stored);
    lines.push({ key: url, json: { url, ...fate, in: places } });
  }
  warnOfMissing(work, lines);
  yield kindItem(ATTACHMENTS, () => each(lines));
}

/** Texts are as they were. What could not be had is asked for again, but for what was not there: a right may be given, a fault may pass. */
async function* unchangedAttachments(work: SubjectWork, webUrl: string): AsyncGenerator<Item> {
  const lines: Line[] = [];
  const stored = await storedAttachments(work);
  let isSame = true;
  let refused = 0;
  for await (const line of work.previous.linesOf(ATTACHMENTS)?.() ?? []) {
    const { url, state, in: places } = line.json;
    if (state === "MISSING" || (state === "FORBIDDEN" && refused === REFUSED_FOR_ALL)) {
      lines.push(line);
      continue;
    }
    const fate = yield* attachmentFate(work, webUrl, String(url), stored);
    if (fate.state === "FORBIDDEN") refused += 1;
    isSame &&= fate.state === state;
    lines.push({ key: line.key, json: { url, ...fate, in: places } });
  }
  warnOfMissing(work, lines);
  const item = kindItem(ATTACHMENTS, () => each(lines));
  yield isSame ? unchangedItem(item) : item;
}

/**
 * Stored, or why not. Anybody who may comment names URLs, so none of them fails more than itself: a host that is not there, that is broken, or that
 * the egress list refuses. FAILED is what may be had another time.
 */
async function* attachmentFate(
  work: SubjectWork,
  webUrl: string,
  url: string,
  stored: StoredAttachments,
): AsyncGenerator<Item, Readonly<Record<string, string>>> {
  try {
    return { state: "STORED", artifact: yield* attachmentItem(work, webUrl, url, stored) };
  } catch (error) {
    work.context.signal.throwIfAborted();
    // A folder of ours that is full says nothing of the file.
    if (!isOfTheSource(error) || error.code === "SCRATCH_FULL") throw error;
    return { state: GONE.get(error.code) ?? "FAILED", code: error.code, reason: work.redact(error.message) };
  }
}

const GONE: ReadonlyMap<string, string> = new Map([
  ["SOURCE_NOT_FOUND", "MISSING"],
  ["SOURCE_FORBIDDEN", "FORBIDDEN"],
  ["SOURCE_UNAUTHORIZED", "FORBIDDEN"],
]);

function warnOfMissing({ context }: SubjectWork, lines: readonly Line[]): void {
  const missing = lines.filter(({ json }) => json.state !== "STORED").length;
  if (missing === 0) return;
  context.warn({
    code: "GITHUB_ATTACHMENT_MISSING",
    message: `${missing} of ${lines.length} files that texts show could not be had; attachments.jsonl names them`,
  });
}

async function* each(lines: readonly Line[]): AsyncGenerator<Line> {
  yield* lines;
}

/** What earlier snapshots hold, and what this one holds by now. */
interface StoredAttachments {
  /** Artifacts of the last snapshot, and of what was stored since, by URL, with their digests. */
  readonly before: ReadonlyMap<string, StoredAttachment>;
  /** The same by digest. */
  readonly known: ReadonlyMap<string, StoredAttachment>;
  /** Artifacts of this snapshot by digest. */
  readonly held: Map<string, string>;
  /** How those that are held nowhere are asked for. */
  readonly tries: FileTries;
}

interface StoredAttachment {
  readonly artifact: string;
  readonly sha256: string;
  readonly from: true | "salvage";
}

async function storedAttachments(work: SubjectWork): Promise<StoredAttachments> {
  const { previous } = work;
  const before = new Map<string, StoredAttachment>();
  const known = new Map<string, StoredAttachment>();
  // The last snapshot's stand in the place of what was stored since. Where its lines are sealed to us, its facts tell each file's first URL.
  for (const [from, unit] of [["salvage", previous.salvage] as const, [true, previous.unit] as const])
    for (const [artifact, { facts }] of unit?.artifacts ?? []) {
      const { url, sha256 } = facts;
      if (!artifact.startsWith(PREFIX) || typeof url !== "string" || typeof sha256 !== "string") continue;
      before.set(url, { artifact, sha256, from });
      known.set(sha256, { artifact, sha256, from });
    }
  for await (const { json } of previous.linesOf(ATTACHMENTS)?.() ?? []) {
    const artifact = String(json.artifact);
    const sha256 = previous.unit?.artifacts.get(artifact)?.facts.sha256;
    if (json.state !== "STORED" || typeof sha256 !== "string") continue;
    before.set(String(json.url), { artifact, sha256, from: true });
    known.set(sha256, { artifact, sha256, from: true });
  }
  return { before, known, held: new Map(), tries: fileTries(shortPatience(work)) };
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
  if (same !== undefined) return yield* heldItem(stored, same, { url, unchanged: same.from, open: download });
  const options = { maxBytes: MAX_BYTES, signal: work.context.signal };
  const file = await stored.tries.call(() => scratchFile("attachment", download, options));
  try {
    const { sha256, open } = file;
    const known = stored.known.get(sha256);
    if (known !== undefined) return yield* heldItem(stored, known, { url, unchanged: known.from, open });
    const artifact = fileName(
      `${PREFIX}${sha256.slice(0, 16)}-${new URL(url).pathname.split("/").at(-1) ?? ""}`,
      ".bin",
    );
    return yield* heldItem(stored, { artifact, sha256 }, { url, unchanged: false, open });
  } finally {
    await file.remove();
  }
}

async function* heldItem(
  { held, tries }: StoredAttachments,
  { artifact, sha256 }: Pick<StoredAttachment, "artifact" | "sha256">,
  { url, unchanged, open }: { readonly url: string; readonly unchanged: boolean | "salvage"; open(): Bytes },
): AsyncGenerator<Item, string> {
  const before = held.get(sha256);
  if (before !== undefined) return before;
  const what = `the attachment ${url}`;
  yield* tries.item(fileItem({ name: artifact, what, bytes: undefined, sha256, facts: { url }, unchanged, open }));
  held.set(sha256, artifact);
  return artifact;
}

/** Private ones want the token, at GitHub's own host and no other. */
async function* attachmentBytes({ session, context: { signal } }: SubjectWork, webUrl: string, url: string): Bytes {
  if (!URL.canParse(url)) throw new SourceError("SOURCE_NOT_FOUND", `the attachment ${url} has no URL that can be`);
  const isOwn = new URL(url).origin === new URL(webUrl).origin;
  const headers: Record<string, string> = isOwn ? { authorization: await session.account().authorization(signal) } : {};
  yield* downloaded({ url, headers, what: `the attachment ${url}`, signal, wall: "/login" });
}
