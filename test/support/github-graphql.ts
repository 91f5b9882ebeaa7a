import { readFileSync } from "node:fs";
import path from "node:path";
import { at } from "./github-organization.ts";
import { peerFile } from "./github-peers.ts";
import type { GithubServer, Json } from "./github-server.ts";

/** What of the package `graphql` is used here; it is installed with the peers only. */
interface Graphql {
  buildSchema(source: string, options: { assumeValidSDL: boolean; assumeValid: boolean }): unknown;
  parse(source: string): unknown;
  validate(schema: unknown, document: unknown): readonly { readonly message: string }[];
  graphql(args: {
    schema: unknown;
    source: string;
    rootValue: unknown;
    variableValues: unknown;
  }): Promise<{ data?: unknown; errors?: readonly { toJSON(): object }[] }>;
}

let loaded: Promise<{ graphql: Graphql; schema: unknown }> | undefined;

/** GitHub's published schema, read once a process. It defines two fields twice, which is no matter here. */
function github() {
  loaded ??= (async () => {
    const graphql: Graphql = await import(peerFile("graphql/index.mjs"));
    const text = readFileSync(peerFile(path.join("@octokit/graphql-schema/schema.graphql")), "utf8");
    return { graphql, schema: graphql.buildSchema(text, { assumeValidSDL: true, assumeValid: true }) };
  })();
  return loaded;
}

/** What GitHub's schema has against a question. */
export async function graphqlFaults(question: string): Promise<readonly string[]> {
  const { graphql, schema } = await github();
  return graphql.validate(schema, graphql.parse(question)).map(({ message }) => message);
}

/**
 * Answers GraphQL by GitHub's published schema from what a server holds for REST; `discussions` by the repository's path, in GraphQL's own form with
 * lists for connections. A question that the schema does not know is refused, as GitHub does.
 */
export function answerGraphql(server: GithubServer, discussions: ReadonlyMap<string, Json[]> = new Map()): void {
  server.graphql = async (body) => {
    const { graphql, schema } = await github();
    const { query, variables } = body as { query: string; variables: unknown };
    const { data, errors } = await graphql.graphql({
      schema,
      source: query,
      variableValues: variables,
      rootValue: rootOf(server, discussions),
    });
    return {
      status: 200,
      body: { data, ...(errors === undefined ? {} : { errors: errors.map((one) => one.toJSON()) }) },
    };
  };
}

function rootOf(server: GithubServer, discussions: ReadonlyMap<string, Json[]>) {
  const repositories = [...server.objects].filter(([at]) => /^\/repos\/[^/]+\/[^/]+$/.test(at));
  const written = [...discussions.values()].flat();
  return {
    rateLimit: () => ({ cost: 1, remaining: 4999 }),
    repository: ({ owner, name }: { owner: string; name: string }) => {
      const found = repositories.find(([at]) => at === `/repos/${owner}/${name}`);
      return found === undefined ? null : repositoryOf(server, found[0], found[1], discussions);
    },
    nodes: ({ ids }: { ids: readonly string[] }) =>
      ids.map((id) => {
        const found = repositories.find(([, { node_id: one }]) => one === id);
        return found === undefined ? null : repositoryOf(server, found[0], found[1], discussions);
      }),
    node: ({ id }: { id: string }) => {
      const discussion = written.find((one) => one.id === id);
      if (discussion !== undefined) return discussionOf(discussion);
      const comment = written.flatMap((one) => listOf(one.comments)).find((one) => one.id === id);
      return comment === undefined ? null : commentOf(comment);
    },
  };
}

function repositoryOf(server: GithubServer, at: string, object: Json, discussions: ReadonlyMap<string, Json[]>) {
  const list = (below: string) => server.lists.get(`${at}/${below}`) ?? [];
  const newest = (items: readonly Json[]) =>
    connection(
      items
        .map(({ updated_at: updatedAt }) => ({ updatedAt }))
        .toSorted((a, b) => (String(a.updatedAt) > String(b.updatedAt) ? -1 : 1)),
    );
  const issues = list("issues");
  return {
    __typename: "Repository",
    id: object.node_id,
    ...SETTINGS,
    ...settingsOf(object),
    issues: newest(issues.filter((issue) => !("pull_request" in issue))),
    pullRequests: newest(list("pulls")),
    labels: connection(
      list("labels").map((one) => ({ ...one, id: `L${one.id}`, isDefault: one.default === true, updatedAt: null })),
    ),
    milestones: connection(
      list("milestones").map((one) => ({
        ...one,
        id: `M${one.id}`,
        state: String(one.state).toUpperCase(),
        updatedAt: one.updated_at,
        progressPercentage: 0,
      })),
    ),
    releases: connection(
      list("releases").map((one) => ({
        id: `R${one.id}`,
        tagName: one.tag_name,
        name: one.name,
        isDraft: false,
        isPrerelease: false,
        isLatest: false,
        publishedAt: null,
        updatedAt: one.updated_at ?? one.created_at ?? "2026-01-01T00:00:00Z",
        releaseAssets: connection(
          listOf(one.assets).map((asset) => ({
            ...asset,
            id: `A${asset.id}`,
            contentType: asset.content_type ?? "application/octet-stream",
            updatedAt: asset.updated_at,
            downloadCount: asset.download_count ?? 0,
          })),
        ),
      })),
    ),
    commitComments: connection(list("comments").map((one) => ({ id: `C${one.id}`, updatedAt: one.updated_at }))),
    rulesets: connection(
      list("rulesets").map((one) => ({
        ...one,
        id: `S${one.id}`,
        enforcement: "ACTIVE",
        target: "BRANCH",
        updatedAt: one.updated_at,
      })),
    ),
    discussions: ({ orderBy, ...page }: Page & { orderBy: { field: string; direction: string } }) => {
      const by = orderBy.field === "CREATED_AT" ? "createdAt" : "updatedAt";
      const oldestFirst = (discussions.get(at) ?? []).toSorted((a, b) => (String(a[by]) < String(b[by]) ? -1 : 1));
      const inOrder = orderBy.direction === "ASC" ? oldestFirst : oldestFirst.reverse();
      return connection(inOrder.map(discussionOf))(page);
    },
  };
}

const SETTINGS = {
  allowUpdateBranch: false,
  autoMergeAllowed: false,
  deleteBranchOnMerge: false,
  forkingAllowed: false,
  mergeCommitAllowed: true,
  mergeCommitMessage: "PR_TITLE",
  mergeCommitTitle: "MERGE_MESSAGE",
  rebaseMergeAllowed: true,
  squashMergeAllowed: true,
  squashMergeCommitMessage: "COMMIT_MESSAGES",
  squashMergeCommitTitle: "COMMIT_OR_PR_TITLE",
  webCommitSignoffRequired: false,
  watchers: connection([]),
  parent: null,
  templateRepository: null,
};

/** Of what REST tells under another name. */
const settingsOf = ({ delete_branch_on_merge: deletes }: Json) =>
  typeof deletes === "boolean" ? { deleteBranchOnMerge: deletes } : {};

const discussionOf = (one: Json): Json => ({
  ...one,
  __typename: "Discussion",
  comments: connection(listOf(one.comments).map(commentOf)),
});
const commentOf = (one: Json): Json => ({
  ...one,
  __typename: "DiscussionComment",
  replies: connection(listOf(one.replies)),
});
const listOf = (value: unknown): Json[] => (Array.isArray(value) ? value : []);

interface Page {
  readonly first?: number;
  readonly after?: string | null;
}

function connection(items: readonly Json[]) {
  return ({ first = 100, after }: Page) => {
    if (first > 100) throw new Error("`first` exceeds 100");
    const from = after === undefined || after === null ? 0 : Number(after);
    const nodes = items.slice(from, from + first);
    const hasNextPage = from + first < items.length;
    return { totalCount: items.length, nodes, pageInfo: { hasNextPage, endCursor: String(from + nodes.length) } };
  };
}

const WRITTEN = {
  url: "https://github.example/d",
  authorAssociation: "MEMBER",
  createdAt: "2026-01-01T00:00:00Z",
  updatedAt: "2026-01-01T00:00:00Z",
  upvoteCount: 1,
  reactionGroups: [],
};

/** A comment or a reply as GraphQL has it. */
export const aComment = (id: string, body: string, rest: Json = {}): Json => ({
  ...WRITTEN,
  id,
  body,
  author: { __typename: "User", login: "ada" },
  isAnswer: false,
  isMinimized: false,
  ...rest,
});

export const aDiscussion = (number: number, updatedAt: string, comments: readonly Json[]): Json => ({
  ...WRITTEN,
  id: `D${number}`,
  number,
  createdAt: at(number),
  updatedAt,
  title: `Discussion ${number}`,
  body: "text",
  author: { __typename: "User", login: "ada" },
  locked: false,
  closed: false,
  isAnswered: false,
  category: { id: "K1", name: "Ideas", slug: "ideas", emoji: ":bulb:", description: null, isAnswerable: false },
  labels: connection([]),
  comments,
});
