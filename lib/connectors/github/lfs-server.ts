import { type Location, parseLocation } from "../../git/location.ts";
import { fileSettings } from "./file-settings.ts";
import type { SubjectWork } from "./subject-work.ts";

/** The one whose endpoint the repository itself names. */
export interface LfsServer {
  /** For people; the URL may hold a password. */
  readonly host: string;
  /** Of the repository whose LFS it is, where that is at the same GitHub. It is undefined for any other server: our credentials are not for it. */
  readonly cloneUrl: string | undefined;
}

/**
 * What `.lfsconfig` of the default branch says, in the order in which git-lfs looks; undefined where it says nothing.
 * https://github.com/git-lfs/git-lfs/blob/main/docs/man/git-lfs-config.adoc
 */
export async function namedLfsServer(work: SubjectWork, cloneUrl: string): Promise<LfsServer | undefined> {
  const settings = new Map(await fileSettings(work, ".lfsconfig"));
  const url = settings.get("lfs.url") ?? settings.get("remote.origin.lfsurl");
  return url === undefined || url === "" ? undefined : lfsServerAt(url, cloneUrl);
}

/** Anybody who may push writes the URL: the token goes to what is a repository's LFS by its path, and nowhere else. */
export function lfsServerAt(url: string, cloneUrl: string): LfsServer {
  const { host, pathname } = placeOf(url);
  const web = new URL(cloneUrl);
  const [, path] = /^\/?([\w.-]+\/[\w.-]+?)(?:\.git)?(?:\/info\/lfs)?\/?$/.exec(pathname) ?? [];
  const isOwn = path !== undefined && host === web.host && !path.split("/").includes("..");
  return { host, cloneUrl: isOwn ? `${web.origin}/${path}.git` : undefined };
}

function placeOf(url: string): { readonly host: string; readonly pathname: string } {
  if (/^https?:/i.test(url) && URL.canParse(url)) return new URL(url);
  const location = locationOf(url);
  if (location?.kind !== "ssh") return { host: "a place that is no server", pathname: "" };
  // git-lfs asks over ssh where to go, which is the web host.
  return { host: location.host.slice(location.host.indexOf("@") + 1), pathname: location.path };
}

function locationOf(url: string): Location | undefined {
  try {
    return parseLocation(url);
  } catch {
    return undefined;
  }
}
