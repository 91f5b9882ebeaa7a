import { readFileSync } from "node:fs";
import type { IncomingHttpHeaders } from "node:http";

/** What is wrong with a request by GitHub's description of its API, beside what Prism finds: names that it does not know, and headers. */
export type FaultFinder = (method: string, url: string, headers: IncomingHttpHeaders) => string | undefined;

interface Parameter {
  readonly name: string;
  readonly in: string;
}
type Referred = Parameter | { readonly $ref: string };
interface Operation {
  readonly description?: string;
  readonly parameters?: readonly Referred[];
}
interface Description {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly parameters: Readonly<Record<string, Parameter>> };
}

/** https://docs.github.com/en/rest/about-the-rest-api/api-versions#supported-api-versions; any other is answered with 400. */
const API_VERSIONS: ReadonlySet<string | undefined> = new Set(["2022-11-28"]);
/** https://docs.github.com/en/rest/using-the-rest-api/getting-started-with-the-rest-api#media-types */
const MEDIA_TYPE = "application/vnd.github+json";
/** GitHub's description has no header: these are those of its documentation, and what `fetch` sends by itself. */
const HEADERS: ReadonlySet<string> = new Set([
  ...["accept", "authorization", "content-type", "if-none-match", "user-agent", "x-github-api-version"],
  ...["accept-encoding", "accept-language", "connection", "content-length", "host", "sec-fetch-mode"],
]);

/** Prism looks at parameters that are described, and passes over any other. */
export function faultFinder(file: string): FaultFinder {
  const { paths, components }: Description = JSON.parse(readFileSync(file, "utf8"));
  const templates = Object.keys(paths)
    .map((path) => ({ path, holes: path.split("{").length, pattern: patternOf(path) }))
    // As a server does: what is said of one path goes before what is said of many.
    .sort((a, b) => a.holes - b.holes);
  const parameter = (one: Referred): Parameter | undefined =>
    "name" in one ? one : components.parameters[one.$ref.split("/").at(-1) ?? ""];
  return (method, url, headers) => {
    const { pathname, searchParams } = new URL(url, "http://any");
    const path = templates.find(({ pattern }) => pattern.test(pathname))?.path ?? "";
    const operation = paths[path]?.[method.toLowerCase()];
    // Prism says that there is none.
    if (operation === undefined) return undefined;
    const known = new Set((operation.parameters ?? []).map(parameter).map((one) => one?.in === "query" && one.name));
    const unknown = [...searchParams.keys()].find((name) => !known.has(name));
    if (unknown !== undefined) return `${method} ${path} has no parameter ${unknown}`;
    return headerFault(headers, operation);
  };
}

const patternOf = (path: string): RegExp =>
  new RegExp(
    `^${path
      .split(/\{\w+\}/)
      .map(RegExp.escape)
      .join("[^/]+")}$`,
  );

function headerFault(headers: IncomingHttpHeaders, { description = "" }: Operation): string | undefined {
  const { accept = "", authorization = "", "user-agent": agent, "x-github-api-version": version } = headers;
  const unknown = Object.keys(headers).find((name) => !HEADERS.has(name));
  if (unknown !== undefined) return `there is no header ${unknown}`;
  if (!API_VERSIONS.has(String(version))) return `there is no version ${String(version)} of the API`;
  // What else a path gives is in the text about it.
  if (accept !== MEDIA_TYPE && !description.includes(`\`${accept}\``)) return `Accept: ${accept} is not described`;
  if (!/^Bearer \S+$/.test(authorization)) return "Authorization is no Bearer token";
  return agent === undefined ? "User-Agent is missing" : undefined;
}
