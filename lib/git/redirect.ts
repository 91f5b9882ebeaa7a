import { SourceError } from "../errors.ts";

const SUFFIX = /\/info\/refs$/;

/**
 * The repository's URL after a redirect of its first request. Followed are the same host and port, and the same host
 * from http to https: anything else would hand credentials, or the choice of what is backed up, to someone else.
 * @throws SourceError `SOURCE_REDIRECTED`
 */
export function followed(url: string, location: string): string {
  const from = new URL(`${url}/info/refs`);
  if (!URL.canParse(location, from.href))
    throw new SourceError("SOURCE_REDIRECTED", `${from.host} redirects to what is no URL`);
  const to = new URL(location, from);
  const sameOrigin = to.origin === from.origin;
  const upgraded = from.protocol === "http:" && to.protocol === "https:" && to.hostname === from.hostname;
  if (!sameOrigin && !upgraded) {
    const why = to.hostname === from.hostname ? `${to.protocol}//${to.host}` : `another host, ${to.host}`;
    throw new SourceError(
      "SOURCE_REDIRECTED",
      `${from.host} redirects to ${why}, which is not followed; name that URL if it is right`,
    );
  }
  if (!SUFFIX.test(to.pathname)) {
    throw new SourceError(
      "SOURCE_REDIRECTED",
      `${from.host} redirects to ${to.pathname}, which is no repository (a page to sign in?)`,
    );
  }
  return `${to.origin}${to.pathname.replace(SUFFIX, "")}`;
}

export const hostOf = (url: string): string => new URL(url).host;
