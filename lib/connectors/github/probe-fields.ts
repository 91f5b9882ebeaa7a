/** Of REST's object of a repository, what its lists do not have. https://docs.github.com/en/rest/repos/repos#get-a-repository */
export const probedSettings = {
  allowUpdateBranch: "",
  autoMergeAllowed: "",
  deleteBranchOnMerge: "",
  forkingAllowed: "",
  mergeCommitAllowed: "",
  mergeCommitMessage: "",
  mergeCommitTitle: "",
  rebaseMergeAllowed: "",
  squashMergeAllowed: "",
  squashMergeCommitMessage: "",
  squashMergeCommitTitle: "",
  webCommitSignoffRequired: "",
  watchers: "{ totalCount }",
  parent: "{ id }",
  templateRepository: "{ id }",
} as const;

/**
 * Lists of a repository whose state one GraphQL question tells for many repositories at once. Two forms: the count and the newest change of a
 * list that is only read as far as it changed anyway, or every object of a short list with all that can change in it.
 */
export const probeFields = {
  issues: { all: false, asks: "issues(first: 1, orderBy: { field: UPDATED_AT, direction: DESC })", of: "updatedAt" },
  pullRequests: {
    all: false,
    asks: "pullRequests(first: 1, orderBy: { field: UPDATED_AT, direction: DESC })",
    of: "updatedAt",
  },
  discussions: {
    all: false,
    asks: "discussions(first: 1, orderBy: { field: UPDATED_AT, direction: DESC })",
    of: "updatedAt",
  },
  labels: { all: true, asks: "labels(first: 100)", of: "id name color description isDefault updatedAt" },
  // Their counts of issues change with an issue, whose own change is asked about beside.
  milestones: {
    all: true,
    asks: "milestones(first: 100)",
    of: "id title description state dueOn progressPercentage updatedAt",
  },
  releases: {
    all: true,
    asks: "releases(first: 10)",
    of: `id tagName name isDraft isPrerelease isLatest publishedAt updatedAt
      releaseAssets(first: 10) { totalCount nodes { id name size contentType updatedAt downloadCount } }`,
  },
  commitComments: { all: true, asks: "commitComments(first: 10)", of: "id updatedAt" },
  rulesets: {
    all: true,
    asks: "rulesets(first: 50, includeParents: false)",
    of: "id name enforcement target updatedAt",
  },
} as const;

export type ProbeField = keyof typeof probeFields | "settings";
