import { SourceError } from "../../errors.ts";
import type { Item } from "../connector.ts";
import { heldTo } from "./held-to.ts";
import type { Kind } from "./kinds/kind.ts";
import { pages } from "./pages.ts";
import { filled } from "./reading.ts";
import { wasReadable } from "./state.ts";
import type { SubjectWork } from "./subject-work.ts";
import { UnreadableError } from "./unreadable.ts";

/** Each is a request. A hole that is longer than this shows in the first ones, too; what got a comment since the comments were listed comes after them. */
const MOST_ASKED = 20;
/** Our clock and GitHub's. */
const CLOCKS_MS = 5 * 60_000;

/**
 * Holds the list of all comments to what each issue says of itself. Issues are read after comments, so one may have got a comment since: its own list
 * is asked for, and what is on it that is older than this reading has to be in ours.
 */
export async function* checkComments(work: SubjectWork): AsyncGenerator<Item> {
  const kind = work.kinds.find(({ name }) => name === "issue_comments");
  if (kind === undefined || !wasReadable(work.states.get(kind.name)?.state) || !work.comments.has("issues")) return;
  try {
    if (!(await haveComments(work, kind))) return;
    yield* heldTo(work, kind, () => checkIssues(work));
  } catch (error) {
    work.failures.add(kind.name, error);
  }
}

/** Comments of which GitHub says that none is new are those of the last snapshot: an issue that is new here can have brought others along. */
async function haveComments({ comments, context, previous }: SubjectWork, kind: Kind): Promise<boolean> {
  if (comments.has(kind.name)) return true;
  // Sealed to us.
  if (context.kept?.has(`${kind.name}.jsonl`) === true) return false;
  const lines = previous.linesOf(kind);
  if (lines === undefined && previous.stateOf(kind.name, `${kind.name}.jsonl`)?.state !== "EMPTY") return false;
  comments.begin(kind);
  for await (const line of lines?.() ?? []) comments.note(kind, line);
  return true;
}

async function checkIssues(work: SubjectWork): Promise<void> {
  const before = listedUntil(work);
  for (const { number, listed } of (work.comments.short() ?? []).slice(0, MOST_ASKED)) {
    const there = await olderThan(work, number, before);
    if (there > listed)
      throw new SourceError(
        "SOURCE_INCOMPLETE",
        `GitHub has ${there} comments on number ${number}, and listed ${listed}`,
      );
  }
}

/** What is older than this has to be listed. What was stored before a wait is older than what issues say now: it goes to its newest comment. */
function listedUntil({ startedAt, context }: SubjectWork): string {
  const kept = context.kept?.get("issue_comments.jsonl");
  const newest = typeof kept?.facts.newest === "string" ? Date.parse(kept.facts.newest) : startedAt.getTime();
  return new Date(newest - CLOCKS_MS).toISOString();
}

async function olderThan({ session, params }: SubjectWork, number: number, before: string): Promise<number> {
  const path = filled("/repos/{owner}/{repo}/issues/{issue_number}/comments?per_page=100", {
    ...params,
    issue_number: String(number),
  });
  let count = 0;
  try {
    for await (const { items } of pages(session, path, { absent: "FORBIDDEN" }))
      count += items.filter(({ created_at: at }) => typeof at === "string" && at < before).length;
  } catch (error) {
    // Deleted or moved away meanwhile.
    if (!(error instanceof UnreadableError) || (error.status !== 404 && error.status !== 410)) throw error;
  }
  return count;
}
