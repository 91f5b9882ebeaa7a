import ignore, { type Ignore } from "ignore";

/** True for what is left out. The path is relative to the unit's root, without a leading `./`. */
export type Excludes = (path: Buffer, isDirectory: boolean) => boolean;

/** The library remembers every path it was asked about; renewed this often, it holds a bounded number. */
const RENEW_AFTER = 20_000;

/**
 * Patterns in the syntax of gitignore(5), case-sensitive. As with git, what lies in an excluded folder cannot be
 * included again: the folder is not entered. `folders` are left out by their plain paths, as those of a store are.
 */
export function createExcludes(patterns: readonly string[], folders: readonly string[] = []): Excludes {
  const left = new Set(folders);
  const matches = matcher(patterns);
  return (path, isDirectory) => (isDirectory && left.has(path.toString("utf8"))) || matches(path, isDirectory);
}

function matcher(patterns: readonly string[]): Excludes {
  if (patterns.length === 0) return () => false;
  let asked = 0;
  let rules: Ignore = create(patterns);
  return (path, isDirectory) => {
    asked += 1;
    if (asked % RENEW_AFTER === 0) rules = create(patterns);
    // A name that is no UTF-8 is matched by what can be read of it; it is stored by its bytes all the same.
    const name = path.toString("utf8");
    return rules.ignores(isDirectory ? `${name}/` : name);
  };
}

const create = (patterns: readonly string[]): Ignore =>
  ignore({ ignorecase: false, allowRelativePaths: true }).add([...patterns]);
