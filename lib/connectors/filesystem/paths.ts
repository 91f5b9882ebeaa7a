import type { Dirent } from "node:fs";
import { lstat, readdir } from "node:fs/promises";
import { isAbsolute, join, matchesGlob, normalize, resolve } from "node:path";
import type { Unit } from "../connector.ts";

/** Characters that make a pattern of a part of a path. */
const MAGIC = /[*?[\]{}!()]/;

/** One form for one path: `./docs/`, `docs` and `docs//` are `docs`. Absolute or relative as it was given. */
function normalPath(path: string): string {
  const normal = normalize(path);
  return normal.length > 1 && normal.endsWith("/") ? normal.slice(0, -1) : normal;
}

/** Configured paths that are the same place: the first and the second index of each pair. */
export function duplicatePaths(paths: readonly string[]): readonly (readonly [number, number])[] {
  const first = new Map<string, number>();
  const pairs: [number, number][] = [];
  paths.forEach((path, index) => {
    const place = resolve(path);
    const earlier = first.get(place);
    if (earlier === undefined) first.set(place, index);
    else pairs.push([earlier, index]);
  });
  return pairs;
}

/**
 * One unit a path, globs expanded. A path that exists as it is written is no glob. A glob that matches nothing, or
 * that needs a folder which cannot be listed, is a unit of its own, which then fails: nothing is left out in silence.
 */
export async function* unitsOf(paths: readonly string[], signal: AbortSignal): AsyncIterable<Unit> {
  const given = new Set<string>();
  for (const configured of paths.map(normalPath)) {
    signal.throwIfAborted();
    const { matches, problems } = await expand(configured, signal);
    for (const path of matches) {
      // Two globs may meet in a path: it is collected once.
      if (given.has(resolve(path))) continue;
      given.add(resolve(path));
      yield { id: path, compute: "lambda", input: { path } };
    }
    if (matches.length > 0 && problems.length === 0) continue;
    if (problems.length === 0 && !MAGIC.test(configured)) continue;
    yield { id: configured, compute: "lambda", input: { path: configured, problem: problems[0] ?? "matches nothing" } };
  }
}

interface Expansion {
  readonly matches: readonly string[];
  /** Why the list may lack something. */
  readonly problems: readonly string[];
}

async function expand(path: string, signal: AbortSignal): Promise<Expansion> {
  if (!MAGIC.test(path) || (await exists(path))) return { matches: [path], problems: [] };
  const problems: string[] = [];
  let found: string[] = [isAbsolute(path) ? "/" : ""];
  for (const part of path.split("/").filter((one) => one !== "")) {
    signal.throwIfAborted();
    const next: string[] = [];
    for (const folder of found) next.push(...(await step(folder, part, problems)));
    found = [...new Set(next)];
  }
  const present = await Promise.all(found.map(exists));
  return { matches: found.filter((_, index) => present[index]).sort(), problems };
}

/** What one part of a pattern leads to from `folder`. `**` is any number of folders, not through links. */
async function step(folder: string, part: string, problems: string[]): Promise<string[]> {
  if (!MAGIC.test(part)) return [join(folder, part)];
  const entries = await listed(folder, problems);
  if (part !== "**") {
    // As in a shell, a leading dot is only met by a dot.
    const visible = entries.filter(({ name }) => name.startsWith(".") === part.startsWith("."));
    return visible.filter(({ name }) => matchesGlob(name, part)).map(({ name }) => join(folder, name));
  }
  const folders = entries.filter((entry) => entry.isDirectory() && !entry.name.startsWith("."));
  const below: string[] = [folder];
  for (const { name } of folders) below.push(...(await step(join(folder, name), part, problems)));
  return below;
}

async function listed(folder: string, problems: string[]): Promise<Dirent[]> {
  try {
    return await readdir(folder === "" ? "." : folder, { withFileTypes: true });
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code !== "ENOENT" && code !== "ENOTDIR") problems.push(`${folder || "."} cannot be listed (${code})`);
    return [];
  }
}

async function exists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    // What may not be looked at is a unit, which then says so.
    (error: NodeJS.ErrnoException) => error.code !== "ENOENT" && error.code !== "ENOTDIR",
  );
}
