/**
 * Where git, wikis and LFS are, for an API's URL: github.com for api.github.com, SUB.ghe.com for api.SUB.ghe.com, and the host itself for
 * https://HOST/api/v3 of an Enterprise Server.
 */
export function webUrlOf(apiUrl: string): string {
  const { protocol, host, hostname, port } = new URL(apiUrl);
  if (/^api\.(github\.com|[^.]+\.ghe\.com)$/i.test(hostname)) {
    return `${protocol}//${hostname.slice("api.".length)}${port === "" ? "" : `:${port}`}`;
  }
  return `${protocol}//${host}`;
}

/** Built from the names, never by replacing text in another URL: a repository may be called `name.github.io`. */
export const cloneUrlOf = (webUrl: string, owner: string, name: string): string =>
  `${webUrl}/${encodeURIComponent(owner)}/${encodeURIComponent(name)}.git`;
export const wikiUrlOf = (webUrl: string, owner: string, name: string): string =>
  `${webUrl}/${encodeURIComponent(owner)}/${encodeURIComponent(name)}.wiki.git`;

/** gist.github.com for github.com; HOST/gist of an Enterprise Server, or gist.HOST. */
export function isGistUrl(webUrl: string, url: string): boolean {
  if (!URL.canParse(url)) return false;
  const [web, gist] = [new URL(webUrl), new URL(url)];
  return gist.protocol === web.protocol && [web.host, `gist.${web.host}`].includes(gist.host) && gist.username === "";
}
