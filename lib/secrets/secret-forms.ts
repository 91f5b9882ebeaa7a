/** Of a URL's path, in characters. */
const LONG_PATH = 16;
/** Of a value in a URL's query. `wait=1` and its like are no secrets, and `1` is in any text. */
const LONG_VALUE = 8;

/**
 * The parts of a secret that are secret by themselves: all of it, each line when it has lines, and of a URL the password, the
 * path, and what is long in path and query.
 */
export function plainForms(value: string): string[] {
  return [value, ...longLines(value), ...urlPasswords(value), ...urlPaths(value), ...urlParts(value)].filter(
    (form) => form !== "",
  );
}

/** How other programs write `plain`: URL-encoded, inside JSON, and inside base64 at any alignment, so also within `user:plain`. */
export function encodedForms(plain: string): string[] {
  return [...urlForms(plain), ...jsonForms(plain), ...base64Forms(plain)];
}

/** Lines of a private key are secret each. Its first and last line are not, and short lines may be any word. */
function longLines(value: string): string[] {
  const lines = value.split(/\r?\n/);
  return lines.length === 1 ? [] : lines.filter((line) => line.length >= 16 && !line.startsWith("-----"));
}

/**
 * The password in a URL, as it stands there and decoded; empty for all else. `new URL` cannot read
 * `mongodb://user:password@one,two/`, hence the expression.
 */
export function urlPasswords(value: string): string[] {
  const password = /^[a-z][a-z0-9+.-]*:\/\/[^/?#@]*?:([^/?#]+)@/i.exec(value)?.[1];
  if (password === undefined) return [];
  return [password, ...decoded(password)];
}

/**
 * What a webhook's address is secret for, and what a server repeats that does not know it: "/services/T0/B0/… was not found". A
 * short path may be any other's.
 */
function urlPaths(value: string): string[] {
  if (!/^https?:\/\//i.test(value) || !URL.canParse(value)) return [];
  const { pathname, search } = new URL(value);
  return [pathname, `${pathname}${search}`].filter((path) => path.length >= LONG_PATH);
}

/** A server that repeats the one part of an address that it does not like: "bad signature …". */
function urlParts(value: string): string[] {
  const [, path = "", query = ""] = /^https?:\/\/[^/?#]*([^?#]*)\??([^#]*)/i.exec(value) ?? [];
  return [
    ...path.split("/").filter((segment) => segment.length >= LONG_PATH),
    ...query.split("&").map((pair) => pair.slice(pair.indexOf("=") + 1)),
  ]
    .filter((part) => part.length >= LONG_VALUE)
    .flatMap((part) => [part, ...decoded(part)]);
}

/** Empty for what no URL could hold. */
function decoded(text: string): string[] {
  try {
    return [decodeURIComponent(text)];
  } catch {
    return [];
  }
}

function urlForms(plain: string): string[] {
  const component = encodeURIComponent(plain.toWellFormed());
  const strict = component.replace(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);
  const upper = [
    component,
    strict,
    new URLSearchParams([["", plain]]).toString().slice(1),
    encodeURI(plain.toWellFormed()),
  ];
  return upper.flatMap((form) => [form, form.replace(/%[0-9A-F]{2}/g, (octet) => octet.toLowerCase())]);
}

/** Twice, because a log line in JSON may quote an answer in JSON. */
function jsonForms(plain: string): string[] {
  const once = JSON.stringify(plain).slice(1, -1);
  return [once, JSON.stringify(once).slice(1, -1)];
}

/**
 * Base64 turns three bytes into four characters, so what it makes of a value depends on how many bytes stand before it, modulo
 * three. Of each alignment this keeps the characters that depend on the value alone.
 */
function base64Forms(plain: string): string[] {
  const bytes = Buffer.from(plain, "utf8");
  return [0, 1, 2].flatMap((before) => {
    const encoded = Buffer.concat([Buffer.alloc(before), bytes]).toString("base64");
    const standard = encoded.slice(Math.ceil((before * 8) / 6), Math.floor(((before + bytes.length) * 8) / 6));
    return [standard, standard.replaceAll("+", "-").replaceAll("/", "_")];
  });
}
