import type { CollectContext, Item, Unit } from "../connector.ts";
import { type Asset, assetItems, assetsOf, filesOf } from "./assets.ts";
import { attachmentFinder } from "./attachment-urls.ts";
import { attachmentItems } from "./attachments.ts";
import { bundleOf, wikiOf } from "./bundles.ts";
import { checkComments } from "./check-comments.ts";
import { checkReferences } from "./check-references.ts";
import { collectBundle } from "./collect-bundle.ts";
import { collectKinds } from "./collect-kinds.ts";
import type { Github } from "./github-context.ts";
import { keepingEmpty } from "./keeping-empty.ts";
import { lfsItems } from "./lfs.ts";
import type { Json } from "./pages.ts";
import { type HeldParts, heldParts, type RepositoryContent, type RepositoryPart } from "./parts.ts";
import type { Probe } from "./probe.ts";
import { checkStillThere, checkSubject, closingItems, subjectWork } from "./subject.ts";
import { noteBarrier, type SubjectWork } from "./subject-work.ts";
import { submoduleItems } from "./submodules.ts";
import { textsOf } from "./texts.ts";
import { cloneUrlOf, wikiUrlOf } from "./web-url.ts";

export interface RepositoryInput {
  readonly owner: string;
  readonly name: string;
  readonly probe?: Probe | undefined;
  readonly parts?: readonly RepositoryPart[] | undefined;
}

/**
 * Everything of one repository: its object first, git next, for what takes longest is worth most, then kind by kind.
 * @throws SourceError at the end for the kinds that failed; what could be had was yielded
 */
export async function* collectRepository(
  github: Github,
  unit: Unit,
  input: RepositoryInput,
  context: CollectContext,
): AsyncGenerator<Item> {
  const { owner, name, probe, parts } = input;
  const held = heldParts(parts);
  const work = await subjectWork(
    github,
    unit,
    "repository",
    { params: { owner, repo: name }, probe, only: held.kinds },
    context,
  );
  yield* keepingEmpty(work, repositoryItems(github, work, unit, input, held));
  await checkStillThere(work, unit, "/repos/{owner}/{repo}");
  yield* closingItems(work, unit);
}

async function* repositoryItems(
  github: Github,
  work: SubjectWork,
  unit: Unit,
  { owner, name }: RepositoryInput,
  held: HeldParts,
): AsyncGenerator<Item> {
  const { context } = work;
  const [first, ...rest] = work.kinds;
  if (first?.name !== "repository") throw new Error("a repository's own kind comes first");
  yield* collectKinds(work, [first]);
  checkSubject(work, unit, "repository");
  const has = (content: RepositoryContent) => github.chosen.has(content) && held.has(content);
  if (has("git")) yield* collectBundle(work, "git", "repository", cloneUrlOf(github.webUrl, owner, name), bundleOf);
  if (has("wiki")) {
    if (work.subject?.has_wiki === false)
      noteBarrier(work, "wiki", { barrier: "DISABLED", message: "the repository says so" }, "off");
    else yield* collectBundle(work, "wiki", "wiki", wikiUrlOf(github.webUrl, owner, name), wikiOf);
  }
  if (has("lfs")) yield* lfsItems(work, cloneUrlOf(github.webUrl, owner, name));
  if (has("submodules") && has("git")) yield* submoduleItems(work);
  const assets = new Map<number, Asset>();
  if (has("assets")) {
    const files: Json[] = [];
    work.observers.set("releases", {
      begin() {
        assets.clear();
        files.length = 0;
      },
      noted: () => files,
      note(release) {
        // One that cannot be read has to fail after a wait as well.
        let isNoted = true;
        try {
          const some = assetsOf(release);
          isNoted = some.length > 0;
          for (const asset of some) assets.set(asset.id, asset);
        } catch (error) {
          work.failures.add("assets", error);
        }
        if (isNoted && context.checkpoint !== undefined) files.push(filesOf(release));
      },
    });
  }
  const texts = has("attachments") ? textsOf(attachmentFinder(github.webUrl)) : undefined;
  work.texts = texts;
  yield* collectKinds(work, rest);
  // Before files of texts are looked for: where there is a hole, comments are read once more.
  yield* checkReferences(work);
  yield* checkComments(work);
  if (has("assets")) yield* assetItems(work, assets.values());
  if (texts !== undefined) yield* attachmentItems(work, github.webUrl, texts);
}
