import { SourceError } from "../../errors.ts";
import { type Answer, messageOf } from "./response.ts";
import type { Session } from "./session.ts";
import { barrierOf } from "./unreadable.ts";

export type Json = { readonly [key: string]: unknown };

/** https://docs.github.com/en/rest/using-the-rest-api/using-pagination-in-the-rest-api */
const DEFAULT_PER_PAGE = 30;

export interface Page {
  readonly url: string;
  /** By which the list's reading goes on from here after a wait: this page is then read once more. */
  readonly place: string;
  readonly etag: string | undefined;
  readonly items: readonly Json[];
  readonly isLast: boolean;
}

/** How a list is to be read. */
export interface ListOptions {
  /** The key that holds the objects, where they are not the answer itself. */
  readonly items?: string | undefined;
  readonly absent: "DISABLED" | "FORBIDDEN";
  /** Answers that were had already, by URL. Each is used once. */
  readonly given?: Map<string, Answer>;
  readonly from?: GoingOn | undefined;
}

/** Where a list goes on after a wait. */
export interface GoingOn {
  /** Of the page that was read last. */
  readonly place: string;
  /** How many objects are stored, and which. */
  readonly stored: number;
  isStored(json: Json): boolean;
  /** Whether it was on that page, where what is stored may come after it: of a list that is read a second time. */
  isOfPlace?(json: Json): boolean;
}

/** Pages end here: GitHub wants narrower questions. */
export class TooDeepError extends Error {}
Object.defineProperty(TooDeepError.prototype, "name", { value: "TooDeepError", enumerable: false });

/**
 * A list to its end, which is where no `Link: rel="next"` follows: page numbers are not counted, for their end is not the list's. What is deleted
 * meanwhile moves the rest up, past the page that is next; so each page is asked for again, by its ETag, once the one after it is here.
 * @throws UnreadableError | TooDeepError | SourceError | TransientError; it never just ends early
 */
export async function* pages(session: Session, path: string, options: ListOptions): AsyncGenerator<Page> {
  const { given, from } = options;
  const seen = new Set<string>();
  let begun = from === undefined ? undefined : await overlapping(session, from, options);
  let url: string | undefined = begun?.url ?? path;
  let count = from?.stored ?? 0;
  let before: Page | undefined;
  // Of the last three pages: what is new at a list's beginning moves the rest down.
  let known: readonly ReadonlySet<string>[] = [];
  while (url !== undefined) {
    if (seen.has(url)) throw new SourceError("SOURCE_PROTOCOL", `GitHub's pages of ${path} go round in a circle`);
    seen.add(url);
    const answer: Answer = begun?.answer ?? take(given, url) ?? (await session.get(url));
    begun = undefined;
    const listed = itemsOf(answer, url, options);
    known = [...known.slice(-2), new Set(listed.map(identityOf))];
    const moved = before === undefined ? [] : await movedUp(session, before, known, options);
    const items = [...moved, ...listed];
    count += from === undefined ? items.length : items.filter((item) => !from.isStored(item)).length;
    const next = linkOf(answer, "next");
    before = { url, place: url, etag: answer.headers.get("etag") ?? undefined, items, isLast: next === undefined };
    yield before;
    url = next;
    if (url === undefined) checkTotal(answer, path, options, count);
  }
}

/**
 * The page to go on with after a wait: one that begins with an object that is stored, or of a second reading one that holds an object of the page that was
 * read last. What was deleted meanwhile has moved the rest up, so that the page that was read last may begin behind what nobody has read; then the one
 * before it is looked at. Undefined where that is the list's first.
 */
async function overlapping(
  session: Session,
  { place, isStored, isOfPlace }: GoingOn,
  options: ListOptions,
): Promise<{ readonly url: string; readonly answer: Answer } | undefined> {
  const seen = new Set<string>();
  let url: string | undefined = place;
  while (url !== undefined && !seen.has(url)) {
    seen.add(url);
    const answer: Answer = await session.get(url, { again: true });
    const items = itemsOf(answer, url, options);
    const isMet = isOfPlace === undefined ? items.slice(0, 1).some(isStored) : items.some(isOfPlace);
    if (isMet) return { url, answer };
    url = linkOf(answer, "prev");
  }
  return undefined;
}

/** What a page holds now that neither it nor its neighbours held when they were read. 304 costs nothing. */
async function movedUp(
  session: Session,
  { url, etag }: Page,
  known: readonly ReadonlySet<string>[],
  options: ListOptions,
): Promise<readonly Json[]> {
  const answer = await session.get(url, { etag, again: true });
  if (answer.status === 304) return [];
  return itemsOf(answer, url, options).filter((item) => !known.some((page) => page.has(identityOf(item))));
}

/** Some have no id, such as branches. */
const identityOf = (item: Json): string =>
  typeof item.id === "number" || typeof item.id === "string" ? String(item.id) : JSON.stringify(item);

/** Undefined for a last page that is full: what is added at the list's end begins another one, of which this one's ETag may not tell. */
export function lastingEtag({ url, etag, items, isLast }: Page): string | undefined {
  const size = Number(/[?&]per_page=(\d+)/.exec(url)?.[1] ?? DEFAULT_PER_PAGE);
  return isLast && items.length >= size ? undefined : etag;
}

/** An answer that was had already, once. */
export function take(given: Map<string, Answer> | undefined, url: string): Answer | undefined {
  const answer = given?.get(url);
  given?.delete(url);
  return answer;
}

/** One object. @throws as `pages` does */
export function objectOf(answer: Answer, url: string, absent: "DISABLED" | "FORBIDDEN"): Json {
  refuse(answer, url, absent);
  if (!isObject(answer.json)) throw new SourceError("SOURCE_PROTOCOL", `GET ${url} is answered with no object`);
  return answer.json;
}

export const isObject = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function itemsOf(answer: Answer, url: string, { items: key, absent }: ListOptions): readonly Json[] {
  refuse(answer, url, absent);
  // 204 stands for a list that cannot have anything in it.
  const list: unknown =
    answer.status === 204 ? [] : key === undefined ? answer.json : isObject(answer.json) ? answer.json[key] : undefined;
  if (!Array.isArray(list) || !list.every(isObject)) {
    throw new SourceError("SOURCE_PROTOCOL", `GET ${url} is answered with no list of objects`);
  }
  return list;
}

function refuse(answer: Answer, url: string, absent: "DISABLED" | "FORBIDDEN"): void {
  const { status, json } = answer;
  if (status === 200 || status === 204) return;
  const barrier = barrierOf(answer, absent);
  if (barrier !== undefined) throw barrier;
  if (status === 422 && /pagination|large datasets/i.test(messageOf(json)))
    throw new TooDeepError(`${url}: ${messageOf(json)}`);
  throw new SourceError("SOURCE_PROTOCOL", `GET ${url} is answered with ${status}: ${messageOf(json)}`);
}

/** https://docs.github.com/en/rest/using-the-rest-api/using-pagination-in-the-rest-api */
const LINKS = { next: /<([^>]+)>\s*;[^,]*\brel="next"/, prev: /<([^>]+)>\s*;[^,]*\brel="prev"/ };

const linkOf = ({ headers }: Pick<Answer, "headers">, to: keyof typeof LINKS): string | undefined =>
  LINKS[to].exec(headers.get("link") ?? "")?.[1];

/** Lists that name their length are held to it; more may have come since the last page said so. */
function checkTotal({ json }: Answer, path: string, { items }: ListOptions, count: number): void {
  const total = items !== undefined && isObject(json) ? json.total_count : undefined;
  if (typeof total === "number" && count < total) {
    throw new SourceError("SOURCE_INCOMPLETE", `GitHub lists ${count} of the ${total} that it counts at ${path}`);
  }
}
