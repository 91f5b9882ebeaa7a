import { DeferredError, SourceError, TransientError } from "../../errors.ts";
import { askGraphql, COST } from "./graphql.ts";
import type { Pages } from "./kinds/kind.ts";
import { isObject, type Json, type Page } from "./pages.ts";
import type { Session } from "./session.ts";
import { UnreadableError } from "./unreadable.ts";

const REACTIONS = "reactionGroups { content reactors { totalCount } }";
const WRITTEN = `id databaseId url author { login } authorAssociation body createdAt updatedAt lastEditedAt publishedAt upvoteCount ${REACTIONS}`;
const COMMENT = `${WRITTEN} isAnswer isMinimized minimizedReason deletedAt`;
const LIST = "totalCount pageInfo { hasNextPage endCursor }";
const replies = (page: string) => `replies(${page}) { ${LIST} nodes { ${COMMENT} replyTo { id } } }`;
const comments = (page: string) => `comments(${page}) { ${LIST} nodes { ${COMMENT} ${replies("first: 20")} } }`;

/** What is asked about discussions; a test holds each to GitHub's published schema. */
export const discussionQuestions = {
  list: `query Discussions($owner: String!, $repo: String!, $first: Int!, $after: String, $orderBy: DiscussionOrder!) { ${COST}
    repository(owner: $owner, name: $repo) { discussions(first: $first, after: $after, orderBy: $orderBy) {
      ${LIST} nodes { ${WRITTEN} number title locked activeLockReason closed closedAt stateReason isAnswered answer { id } answerChosenAt answerChosenBy { login }
        category { id name slug emoji description isAnswerable } labels(first: 100) { nodes { id name } }
        poll { question totalVoteCount options(first: 20) { nodes { option totalVoteCount } } } ${comments("first: 20")} } } } }`,
  comments: `query Comments($id: ID!, $after: String) { ${COST} node(id: $id) { ... on Discussion { ${comments("first: 50, after: $after")} } } }`,
  replies: `query Replies($id: ID!, $after: String) { ${COST} node(id: $id) { ... on DiscussionComment { ${replies("first: 100, after: $after")} } } }`,
} as const;

/** Discussions a question: with their first comments and replies that is five points. */
const AT_ONCE = 25;

const ORDERS = {
  "changed last first": { field: "UPDATED_AT", direction: "DESC" },
  "oldest first": { field: "CREATED_AT", direction: "ASC" },
} as const;

/**
 * A repository's discussions, each with all its comments and their replies. A question that is too much for GitHub is asked again for half as many. Where
 * GitHub counts more than came by the end, something has moved past what was read, so the list is begun once more: some of it then comes twice.
 * @throws UnreadableError | SourceError | TransientError; a list is never just shorter than GitHub counts
 */
export const discussionPages = (order: keyof typeof ORDERS): Pages =>
  async function* (session, { owner, repo }, from): AsyncGenerator<Page> {
    const seen = new Set<unknown>();
    let first = AT_ONCE;
    // A cursor says what comes next, wherever that has moved to.
    let after = from?.place || undefined;
    let isBegunAgain = false;
    for (;;) {
      let list: List;
      try {
        const of = { owner, repo, first, after, orderBy: ORDERS[order] };
        const { data, refusal } = await askGraphql(session, discussionQuestions.list, of, { everyone: true });
        if (!isObject(data.repository) || refusal !== undefined)
          throw refusal ?? new UnreadableError("FORBIDDEN", 404, "GraphQL does not show the repository");
        list = listOf(data.repository.discussions, "discussions");
      } catch (error) {
        if (!(error instanceof TransientError) || first === 1) throw error;
        first = Math.ceil(first / 2);
        continue;
      }
      const items: Json[] = [];
      try {
        for (const discussion of list.nodes)
          items.push(from?.isStored(discussion) === true ? discussion : await wholeDiscussion(session, discussion));
      } catch (error) {
        // What came of it by then is stored, so that a page which takes more than there is in an hour comes to its end.
        if (error instanceof DeferredError && items.length > 0)
          yield { url: "/graphql", place: after ?? "", etag: undefined, items, isLast: false };
        throw error;
      }
      for (const item of items) if (from?.isStored(item) !== true) seen.add(item.id);
      const count = seen.size + (from?.stored ?? 0);
      const isEnd = list.next === undefined;
      const isShort = isEnd && count < list.totalCount;
      if (isShort && isBegunAgain) checkCount(count, list.totalCount, `discussions of ${owner}/${repo}`);
      yield { url: "/graphql", place: after ?? "", etag: undefined, items, isLast: isEnd && !isShort };
      if (isEnd && !isShort) return;
      isBegunAgain ||= isShort;
      after = list.next;
    }
  };

async function wholeDiscussion(session: Session, discussion: Json): Promise<Json> {
  const all = await rest(session, "comments", String(discussion.id), listOf(discussion.comments, "comments"));
  const nodes: Json[] = [];
  for (const comment of all.nodes) {
    const answers = await rest(session, "replies", String(comment.id), listOf(comment.replies, "replies"));
    nodes.push({ ...comment, replies: { totalCount: answers.totalCount, nodes: answers.nodes } });
  }
  return { ...discussion, comments: { totalCount: all.totalCount, nodes } };
}

/** The list to its end, page by page. */
async function rest(session: Session, what: "comments" | "replies", id: string, begun: List): Promise<List> {
  const nodes = [...begun.nodes];
  let { next, totalCount } = begun;
  while (next !== undefined) {
    const { data, refusal } = await askGraphql(
      session,
      discussionQuestions[what],
      { id, after: next },
      { everyone: true },
    );
    if (refusal !== undefined || !isObject(data.node))
      throw new SourceError("SOURCE_INCOMPLETE", `GitHub does not show the rest of the ${what} of ${id}`);
    const page = listOf(data.node[what], what);
    nodes.push(...page.nodes);
    ({ next, totalCount } = page);
  }
  checkCount(nodes.length, totalCount, `${what} of ${id}`);
  return { nodes, next: undefined, totalCount };
}

interface List {
  readonly nodes: readonly Json[];
  readonly next: string | undefined;
  readonly totalCount: number;
}

function listOf(value: unknown, what: string): List {
  const info = isObject(value) ? value.pageInfo : undefined;
  if (!isObject(value) || !Array.isArray(value.nodes) || !value.nodes.every(isObject) || !isObject(info))
    throw new SourceError("SOURCE_PROTOCOL", `POST /graphql is answered with no list of ${what}`);
  const { nodes, totalCount } = value;
  const next = info.hasNextPage === true ? info.endCursor : undefined;
  if (typeof totalCount !== "number" || (info.hasNextPage === true && typeof next !== "string"))
    throw new SourceError("SOURCE_PROTOCOL", `POST /graphql is answered with a list of ${what} that has no end`);
  return { nodes, totalCount, next: typeof next === "string" ? next : undefined };
}

/** More may have come since the count. */
function checkCount(count: number, total: number, what: string): void {
  if (count < total)
    throw new SourceError("SOURCE_INCOMPLETE", `GitHub lists ${count} of the ${total} ${what} that it counts`);
}
