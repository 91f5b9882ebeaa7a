import { SourceError } from "../../errors.ts";
import type { CollectContext, Item, Unit } from "../connector.ts";
import { type Asset, assetItems, assetsOf } from "./assets.ts";
import { type BundleResult, bundleOf, wikiOf } from "./bundles.ts";
import { collectKinds } from "./collect-kinds.ts";
import type { Github } from "./github-context.ts";
import { lfsItems } from "./lfs.ts";
import { checkSubject, closingItems, subjectWork } from "./subject.ts";
import { noteBarrier, type SubjectWork } from "./subject-work.ts";
import { cloneUrlOf, wikiUrlOf } from "./web-url.ts";

/**
 * Everything of one repository: its object first, git next, for what takes longest is worth most, then kind by kind.
 * @throws SourceError at the end for the kinds that failed; what could be had was yielded
 */
export async function* collectRepository(
  github: Github,
  unit: Unit,
  owner: string,
  name: string,
  context: CollectContext,
): AsyncGenerator<Item> {
  const { chosen } = github;
  const work = await subjectWork(github, unit, "repository", { owner, repo: name }, context);
  const [first, ...rest] = work.kinds;
  if (first?.name !== "repository") throw new Error("a repository's own kind comes first");
  yield* collectKinds(work, [first]);
  checkSubject(work, unit, "repository");
  if (chosen.has("git"))
    yield* collectBundle(work, "git", "repository", cloneUrlOf(github.webUrl, owner, name), bundleOf);
  if (chosen.has("wiki")) {
    if (work.subject?.has_wiki === false)
      noteBarrier(work, "wiki", { barrier: "DISABLED", message: "the repository says so" }, true);
    else yield* collectBundle(work, "wiki", "wiki", wikiUrlOf(github.webUrl, owner, name), wikiOf);
  }
  if (chosen.has("lfs")) yield* lfsItems(work, cloneUrlOf(github.webUrl, owner, name));
  const assets = new Map<number, Asset>();
  if (chosen.has("assets")) {
    work.observers.set("releases", (release) => {
      for (const asset of assetsOf(release)) assets.set(asset.id, asset);
    });
  }
  yield* collectKinds(work, rest);
  if (chosen.has("assets")) yield* assetItems(work, assets.values());
  yield* closingItems(work, unit);
}

async function* collectBundle(
  work: SubjectWork,
  kind: "git" | "wiki",
  name: string,
  url: string,
  read: (source: Parameters<typeof bundleOf>[0]) => Promise<BundleResult>,
): AsyncGenerator<Item> {
  const { previous, session, context } = work;
  const before = previous.stateOf(kind, `${name}.bundle`);
  try {
    const result = await read({
      name,
      url,
      account: session.account(),
      signal: context.signal,
      previous: previous.unit,
      before,
    });
    if (result.state !== "READ") {
      if (result.state === "EMPTY") noteEmpty(work, kind, result.reason);
      else noteBarrier(work, kind, { barrier: result.state, message: result.reason ?? "" });
      return;
    }
    try {
      yield result.item;
    } finally {
      await result.close();
    }
    work.states.set(kind, { state: "READ", newest: result.fingerprint });
  } catch (error) {
    work.failures.add(kind, error);
  }
}

/** What vanished must not pass as a success: a repository or wiki that held something holds something. */
function noteEmpty(work: SubjectWork, kind: string, reason = "it has no commits"): void {
  work.states.set(kind, { state: "EMPTY" });
  if (work.previous.unit?.artifacts.has(kind === "git" ? "repository.bundle" : "wiki.bundle") !== true) return;
  work.failures.add(
    kind,
    new SourceError("SOURCE_EMPTY", `${reason}, but was stored in snapshot ${work.previous.snapshot}`),
  );
}
