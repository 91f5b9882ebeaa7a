/** What is stored as it is, and the part that it belongs to in a repository that is too large for one unit. */
export const PART_OF = {
  git: "git",
  wiki: "git",
  lfs: "git",
  submodules: "git",
  assets: "assets",
  attachments: "metadata",
} as const;
export type RepositoryContent = keyof typeof PART_OF;

export const contentsOf = (part: RepositoryPart): readonly string[] =>
  Object.entries(PART_OF).flatMap(([content, of]) => (of === part ? [content] : []));

/** Files of releases are found by the releases. */
export const KINDS_OF_PART: Readonly<Record<RepositoryPart, readonly string[] | undefined>> = {
  git: ["repository"],
  assets: ["repository", "releases"],
  metadata: undefined,
};

/** The parts of a large repository, each a unit. What it is called for is `metadata`. */
export type RepositoryPart = "git" | "assets" | "metadata";
