import { basename, resolve } from "node:path";
import { fileURLToPath } from "node:url";

/** Where a repository is, as `git clone` understands it: https://git-scm.com/docs/git-clone#_git_urls */
export type Location =
  | { readonly kind: "http"; readonly url: string; readonly id: string }
  | {
      readonly kind: "ssh";
      readonly host: string;
      readonly port: number | undefined;
      readonly path: string;
      readonly id: string;
    }
  | { readonly kind: "local"; readonly path: string; readonly id: string };

/** A place that cannot be used. The message never holds the place itself, which may hold a password. */
export class LocationFault extends Error {}
Object.defineProperty(LocationFault.prototype, "name", { value: "LocationFault", enumerable: false });

const PASSWORD = "holds a password; ssh uses keys (ssh_key_file, or an agent)";

/** A local path is taken relative to the working directory. @throws LocationFault */
export function parseLocation(text: string): Location {
  if (text.trim() === "") throw new LocationFault("is empty");
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(text)) return fromUrl(text);
  // git's own helpers run programs: ext::sh -c …
  if (/^[a-z0-9]+::/i.test(text))
    throw new LocationFault("names a remote helper; use an http(s), ssh or file URL, or a path");
  const scp = /^([^/:[\]]*\[[^\]/]+\]|[^/:]+):(.+)$/.exec(text);
  if (scp?.[1] !== undefined && scp[2] !== undefined) return ssh(scp[1], undefined, scp[2]);
  return { kind: "local", path: resolve(text), id: pathId(text) };
}

function fromUrl(text: string): Location {
  if (!URL.canParse(text)) throw new LocationFault("is not a URL");
  const url = new URL(text);
  if (url.search !== "" || url.hash !== "")
    throw new LocationFault("has a query or a fragment, which a repository's URL has not");
  switch (url.protocol) {
    case "http:":
    case "https:":
      if (url.username !== "" || url.password !== "") {
        throw new LocationFault(
          "holds credentials; give them as token_env, or as username and password_env (or …_file, …_vault, …_secret, …_ssm)",
        );
      }
      return { kind: "http", url: url.href.replace(/\/+$/, ""), id: remoteId(url.hostname, url.pathname) };
    case "ssh:":
    case "git+ssh:":
    case "ssh+git:": {
      if (url.password !== "") throw new LocationFault(PASSWORD);
      const user = url.username === "" ? "" : `${decodeURIComponent(url.username)}@`;
      const path = decodeURIComponent(url.pathname).replace(/^\/~/, "~");
      return ssh(`${user}${url.hostname}`, url.port === "" ? undefined : Number(url.port), path);
    }
    case "file:":
      return fromFileUrl(url);
    default:
      throw new LocationFault(
        `has the scheme ${url.protocol}//; known are https://, http://, ssh://, file:// and paths`,
      );
  }
}

function fromFileUrl(url: URL): Location {
  try {
    const path = fileURLToPath(url);
    return { kind: "local", path: resolve(path), id: path.replace(/\/+$/, "") };
  } catch (error) {
    throw new LocationFault("is not a file on this machine", { cause: error });
  }
}

function ssh(host: string, port: number | undefined, path: string): Location {
  const name = host.slice(host.indexOf("@") + 1).replace(/^\[(.*)\]$/, "$1");
  // ssh would take it for an option.
  if (name === "" || host.startsWith("-") || name.startsWith("-")) throw new LocationFault("has no host name");
  // `user:password@host:path` reads as a path on the host `user`.
  if (/^[^/]*@[^/]*:/.test(path)) throw new LocationFault(PASSWORD);
  if (path === "" || path === "/") throw new LocationFault("has no path");
  const address = host.replace(/\[(.*)\]$/, "$1");
  return { kind: "ssh", host: address, port, path, id: remoteId(name, path) };
}

function remoteId(host: string, path: string): string {
  const inside = decodeURIComponentOr(path)
    .replace(/^\/+|\/+$/g, "")
    .replace(/\.git$/, "");
  return inside === "" ? host : `${host}/${inside}`;
}

/** `.` and the like are called what the folder is called. */
function pathId(text: string): string {
  const trimmed = text.replace(/^(\.\/+)+/, "").replace(/\/+$/, "");
  return /(^|\/)\.{0,2}$/.test(trimmed) || trimmed === "" ? basename(resolve(text)) || "/" : trimmed;
}

function decodeURIComponentOr(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}
