import { SourceError } from "../../errors.ts";
import { pages } from "./pages.ts";
import { filled } from "./reading.ts";
import type { SubjectWork } from "./subject-work.ts";
import { UnreadableError } from "./unreadable.ts";

/** Each is a request. A hole that is longer than this shows in the first ones, too. */
const MOST_ASKED = 20;
/** Our clock and GitHub's. */
const CLOCKS_MS = 5 * 60_000;

/**
 * Holds the list of all comments to what each issue says of itself. Issues are read after comments, so one may have got a comment since: its own list
 * is asked for, and what is on it that is older than this reading has to be in ours.
 */
export async function checkComments(work: SubjectWork): Promise<void> {
  // What was stored before a wait is older than what issues say now.
  if (work.context.kept?.has("issue_comments.jsonl") === true) return;
  const before = new Date(work.startedAt.getTime() - CLOCKS_MS).toISOString();
  try {
    for (const { number, listed } of (work.comments.short() ?? []).slice(0, MOST_ASKED)) {
      const there = await olderThan(work, number, before);
      if (there > listed)
        throw new SourceError(
          "SOURCE_INCOMPLETE",
          `GitHub has ${there} comments on number ${number}, and listed ${listed}`,
        );
    }
  } catch (error) {
    work.failures.add("issue_comments", error);
  }
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
