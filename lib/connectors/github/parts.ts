import { wholeOf } from "../../identity.ts";
import type { UnitBefore } from "../connector.ts";

/** What is stored as it is, and the part that it belongs to in a repository that is too large for one unit. */
const PART_OF = {
  git: "git",
  wiki: "git",
  lfs: "git",
  submodules: "git",
  assets: "assets",
  attachments: "metadata",
} as const;
export type RepositoryContent = keyof typeof PART_OF;

/** Parts of a repository that can be units of their own. What a repository is called for is `metadata`. */
export const PARTS = ["metadata", "git", "assets"] as const;
export type RepositoryPart = (typeof PARTS)[number];

/** Identities of parts that the last snapshots hold as units of their own. */
export type KnownParts = ReadonlySet<string>;

export const knownParts = (known: readonly UnitBefore[]): KnownParts =>
  new Set(
    known.flatMap(({ identity }) => (identity === undefined || wholeOf(identity) === undefined ? [] : [identity])),
  );

/** Which of a repository's parts a unit holds. */
export interface HeldParts {
  has(content: RepositoryContent): boolean;
  /** The kinds to read; undefined for all of them. */
  readonly kinds: readonly string[] | undefined;
}

export function heldParts(parts: readonly RepositoryPart[] = PARTS): HeldParts {
  return {
    has: (content) => parts.includes(PART_OF[content]),
    // Files of releases are found by the releases.
    kinds: parts.includes("metadata") ? undefined : ["repository", ...(parts.includes("assets") ? ["releases"] : [])],
  };
}

/** Bytes from which on git, or the files of releases, are too much for a function's fifteen minutes. */
const LARGE_BYTES = 1_000_000_000;

/**
 * The parts of a repository that have to be units of their own, each by its own size. Where GitHub does not tell how large the releases' files are
 * (without GraphQL), a repository whose git is large is taken to have large ones.
 */
export function largeParts(gitBytes: number, assetBytes: number | undefined): readonly ("git" | "assets")[] {
  const sizes = { git: gitBytes, assets: assetBytes ?? gitBytes };
  return (["git", "assets"] as const).filter((part) => sizes[part] > LARGE_BYTES);
}

export const contentsOf = (part: RepositoryPart): readonly string[] =>
  Object.entries(PART_OF).flatMap(([content, of]) => (of === part ? [content] : []));
