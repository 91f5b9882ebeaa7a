import { isObject, type Json } from "./pages.ts";

/** Finds the URLs of files that people put into texts at one GitHub. */
export type AttachmentFinder = (json: Json) => readonly string[];

/** Where texts are, and what holds objects that have some. */
const TEXT = "body";
const HOLDERS = ["item", "items", "comments", "nodes", "replies"];
const URL_CHARACTER = "[^\\s<>\"'`|\\\\()\\[\\]{}]";

/**
 * `WEB/user-attachments/…` today, `WEB/OWNER/REPO/files/…` and `/assets/…` before, and the hosts of still older ones. Those with a token in their URL
 * (private-user-images…) are in rendered texts only, which are not read.
 */
export function attachmentFinder(webUrl: string): AttachmentFinder {
  const web = webUrl.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  const host = new URL(webUrl).host.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  const places = [
    `${web}/user-attachments/(?:assets|files)/`,
    `${web}/storage/user/`,
    `${web}/[\\w.-]+/[\\w.-]+/(?:files|assets)/\\d+/`,
    `https?://media\\.${host}/user/`,
    "https?://user-images\\.githubusercontent\\.com/",
    "https?://cloud\\.githubusercontent\\.com/assets/",
  ];
  const place = places.join("|");
  const pattern = new RegExp(`(?:${place})${URL_CHARACTER}+`, "g");
  const isThere = staysBelow(new RegExp(`^(?:${place})`));
  const found = (text: string) => (text.match(pattern) ?? []).map(withoutPunctuation).filter(isThere);
  return (json) => [...new Set(textsOf(json).flatMap(found))];
}

/**
 * Whoever writes a text names what is asked for with the token: `files/../../other/repository` is another place once it is a URL, and an
 * encoded slash may be one to the server.
 */
const staysBelow =
  (place: RegExp) =>
  (text: string): boolean => {
    const url = URL.canParse(text) ? new URL(text) : undefined;
    // What can be no URL at all is told as missing, and not asked for.
    return url === undefined || (place.test(url.href) && !/%(?:2f|5c)/i.test(url.pathname));
  };

/** What follows a URL in a sentence is not its own, and a place in a file is no other file. */
const withoutPunctuation = (url: string): string => url.replace(/#.*$/, "").replace(/[.,;:!?*_~]+$/, "");

function textsOf(value: unknown): readonly string[] {
  if (Array.isArray(value)) return value.flatMap(textsOf);
  if (!isObject(value)) return [];
  const { [TEXT]: text } = value;
  return [...(typeof text === "string" ? [text] : []), ...HOLDERS.flatMap((holder) => textsOf(value[holder]))];
}
