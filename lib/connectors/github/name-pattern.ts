/** One entry of `repositories` or `exclude`. */
export type NamePattern =
  /** Exactly one, of the organization or user. */
  | { readonly kind: "name"; readonly name: string }
  /** Exactly one, whoever owns it. */
  | { readonly kind: "full"; readonly owner: string; readonly name: string }
  /** Those that match: by name, or with their owner where the pattern has a slash. */
  | { readonly kind: "matching"; readonly matches: (owner: string, name: string) => boolean };

const NAME = /^[A-Za-z0-9._-]+$/;
const EVERYTHING = /^(?:\.\.\.|\*)$/;

/** What is wrong with an entry; undefined when nothing is. */
export function patternFault(text: string): string | undefined {
  if (text === "") return "must not be empty";
  if (isExpression(text)) {
    try {
      new RegExp(text.slice(1, -1), "iu");
      return undefined;
    } catch (error) {
      return `is no regular expression: ${error instanceof Error ? error.message : ""}`;
    }
  }
  if (/[*?]/.test(text))
    return /^[A-Za-z0-9._*?/-]+$/.test(text) ? undefined : "must be a glob of letters, digits, . _ - * and ?";
  const parts = text.split("/");
  const isName = parts.length <= 2 && parts.every((part) => NAME.test(part));
  return isName
    ? undefined
    : "must be a repository's name, owner/name, a glob (api-*) or a regular expression (/^api-/)";
}

/** `text` without a fault. GitHub's names are the same in any case. `...` stands for everything, as in examples. */
export function namePattern(text: string): NamePattern {
  if (EVERYTHING.test(text)) return { kind: "matching", matches: () => true };
  if (isExpression(text)) {
    const expression = new RegExp(text.slice(1, -1), "iu");
    return { kind: "matching", matches: (_, name) => expression.test(name) };
  }
  const withOwner = text.includes("/");
  if (/[*?]/.test(text)) {
    const expression = globExpression(text);
    return { kind: "matching", matches: (owner, name) => expression.test(withOwner ? `${owner}/${name}` : name) };
  }
  const [owner = "", name = ""] = text.split("/");
  return withOwner ? { kind: "full", owner, name } : { kind: "name", name: text };
}

/** Whether an entry means a repository. */
export function means(pattern: NamePattern, owner: string, name: string): boolean {
  if (pattern.kind === "matching") return pattern.matches(owner, name);
  const isOwner = pattern.kind === "name" || pattern.owner.toLowerCase() === owner.toLowerCase();
  return isOwner && pattern.name.toLowerCase() === name.toLowerCase();
}

const isExpression = (text: string): boolean => text.length > 2 && text.startsWith("/") && text.endsWith("/");

function globExpression(glob: string): RegExp {
  const source = glob
    .replace(/[.+^${}()|[\]\\]/g, "\\$&")
    .replaceAll("*", "[^/]*")
    .replaceAll("?", "[^/]");
  return new RegExp(`^${source}$`, "i");
}
