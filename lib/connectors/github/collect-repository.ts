import { SourceError } from "../../errors.ts";
import type { CollectContext, Item, Unit } from "../connector.ts";
import { type BundleResult, bundleOf, unchangedItem, wikiOf } from "./bundles.ts";
import { collectKinds } from "./collect-kinds.ts";
import { failuresOf } from "./failures.ts";
import type { Github } from "./github-context.ts";
import { kindItem } from "./kind-item.ts";
import type { Kind } from "./kinds/kind.ts";
import type { Line } from "./lines.ts";
import { parentsOf } from "./parents.ts";
import { type PreviousSubject, previousSubject } from "./previous-subject.ts";
import { openSession } from "./session.ts";
import { noteBarrier, type SubjectWork } from "./subject-work.ts";
import { summaryItem } from "./summary.ts";
import { TOMBSTONES, tombstones } from "./tombstones.ts";
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
  const { options, chosen, api } = github;
  const kinds = chosen.of("repository");
  const session = openSession(api, unit.id, context);
  const previous = await previousSubject(context.previous);
  const work: SubjectWork = {
    kinds,
    session,
    params: { owner, repo: name },
    previous,
    context,
    redact: github.redact,
    required: (kind) => options.require.includes(kind) || (options.require.includes("all") && chosen.has(kind)),
    fullEveryMs: options.full_every,
    parents: parentsOf(kinds),
    failures: failuresOf(context.signal),
    tombstones: tombstones(),
    states: new Map(),
    subject: undefined,
  };
  const [first, ...rest] = kinds;
  if (first?.name !== "repository") throw new Error("a repository's own kind comes first");
  yield* collectKinds(work, [first]);
  checkSubject(work, unit);
  if (chosen.has("git"))
    yield* collectBundle(work, "git", "repository", cloneUrlOf(github.webUrl, owner, name), bundleOf);
  if (chosen.has("wiki")) {
    if (work.subject?.has_wiki === false)
      noteBarrier(work, "wiki", { barrier: "DISABLED", message: "the repository says so" }, true);
    else yield* collectBundle(work, "wiki", "wiki", wikiUrlOf(github.webUrl, owner, name), wikiOf);
  }
  yield* collectKinds(work, rest);
  yield* tombstoneItems(work, previous);
  const states = Object.fromEntries(work.states);
  yield summaryItem({ schema: 1, identity: unit.identity ?? unit.id, name: unit.id, kinds: states }, previous, session);
  work.failures.raise();
}

/** Without the repository itself there is nothing to go on with; and another one of the same name must not take its place. */
function checkSubject({ subject, states, failures }: SubjectWork, unit: Unit): void {
  if (subject === undefined) {
    failures.raise();
    const { state, reason } = states.get("repository") ?? {};
    const code = reason?.startsWith("404") === true ? "SOURCE_NOT_FOUND" : "SOURCE_FORBIDDEN";
    throw new SourceError(
      code,
      `GitHub does not show ${unit.id} (${state === "BLOCKED" ? "blocked, " : ""}${reason ?? "no answer"})`,
    );
  }
  if (unit.identity !== `repository:${String(subject.id)}`) {
    throw new SourceError("SOURCE_NOT_FOUND", `${unit.id} is another repository than was listed a moment ago`);
  }
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

/** `deleted.jsonl`: what earlier snapshots say is gone, and what this one found. */
async function* tombstoneItems(
  { tombstones: found, session, context }: SubjectWork,
  previous: PreviousSubject,
): AsyncGenerator<Item> {
  const kind: Kind = {
    name: TOMBSTONES,
    subject: "repository",
    what: "",
    permission: "",
    scope: "",
    byDefault: true,
    reading: { how: "list", path: "" },
  };
  const noticedAt = session.api.now().toISOString();
  const before = previous.linesOf(kind);
  async function* lines(): AsyncGenerator<Line> {
    yield* before?.() ?? [];
    yield* found.lines(noticedAt);
  }
  if (!found.isEmpty) yield kindItem(kind, lines);
  else if (context.previous?.artifacts.has(`${TOMBSTONES}.jsonl`) === true) yield unchangedItem(kindItem(kind, lines));
}
