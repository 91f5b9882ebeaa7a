import { SourceError } from "../../errors.ts";
import type { CollectContext, Item, Unit } from "../connector.ts";
import { bundleOf } from "./bundles.ts";
import { collectBundle } from "./collect-bundle.ts";
import { collectKinds } from "./collect-kinds.ts";
import type { Github } from "./github-context.ts";
import { checkSubject, closingItems, subjectWork } from "./subject.ts";
import { isGistUrl } from "./web-url.ts";

/** A gist: its object, its history, its comments. @throws SourceError at the end for the kinds that failed */
export async function* collectGist(
  github: Github,
  unit: Unit,
  id: string,
  context: CollectContext,
): AsyncGenerator<Item> {
  const work = await subjectWork(github, unit, "gist", { params: { gist_id: id } }, context);
  const [first, ...rest] = work.kinds;
  if (first?.name !== "gist") throw new Error("a gist's own kind comes first");
  yield* collectKinds(work, [first]);
  checkSubject(work, unit, "gist");
  if (github.chosen.has("gist_git")) {
    const url = String(work.subject?.git_pull_url);
    // It is told by the API, and gets the token.
    if (isGistUrl(github.webUrl, url)) yield* collectBundle(work, "gist_git", "gist", url, bundleOf);
    else
      work.failures.add(
        "gist_git",
        new SourceError("SOURCE_REDIRECTED", "its git is at another host, which is not followed"),
      );
  }
  yield* collectKinds(work, rest);
  yield* closingItems(work, unit);
}
