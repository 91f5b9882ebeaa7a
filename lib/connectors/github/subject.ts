import { SourceError } from "../../errors.ts";
import { wholeOf } from "../../identity.ts";
import type { CollectContext, Facts, Item, Unit } from "../connector.ts";
import { commentCounts } from "./comment-counts.ts";
import { failuresOf } from "./failures.ts";
import type { Github } from "./github-context.ts";
import { notesOf } from "./kept-notes.ts";
import { BUNDLES, rememberedStates } from "./kept-state.ts";
import { kindItem } from "./kind-item.ts";
import { notesBefore } from "./kind-notes.ts";
import type { Kind, Path, Subject } from "./kinds/kind.ts";
import type { Line } from "./lines.ts";
import { objectOf } from "./pages.ts";
import { parentsOf } from "./parents.ts";
import { previousSubject } from "./previous-subject.ts";
import type { Probe } from "./probe.ts";
import { filled } from "./reading.ts";
import { referencesOf } from "./references.ts";
import { rememberedOf } from "./remembered.ts";
import { lfsFacts } from "./sealed-lfs.ts";
import { openSession } from "./session.ts";
import { sharingAnswers } from "./shared-answers.ts";
import type { KindState } from "./state.ts";
import type { SubjectWork } from "./subject-work.ts";
import { summaryItem } from "./summary.ts";
import { TOMBSTONES, tombstones } from "./tombstones.ts";
import { unchangedItem } from "./unchanged-item.ts";
import { tellsRightsOf } from "./units.ts";
import { UnreadableError } from "./unreadable.ts";
import { warnOfRights } from "./warn-rights.ts";

export interface SubjectOptions {
  /** What stands for `{owner}` and the like. */
  readonly params: Readonly<Record<string, string>>;
  readonly probe?: Probe | undefined;
  /** The kinds of one part of it. */
  readonly only?: readonly string[] | undefined;
}

/** What collecting one repository, organization or user begins with. */
export async function subjectWork(
  { options, chosen, api, redact }: Github,
  unit: Unit,
  subject: Subject,
  { params, probe = {}, only }: SubjectOptions,
  context: CollectContext,
): Promise<SubjectWork> {
  const kinds = chosen.of(subject).filter(({ name }) => only?.includes(name) ?? true);
  const work: SubjectWork = {
    kinds,
    session: sharingAnswers(openSession(api, unit.id, context), kinds),
    params,
    previous: await previousSubject(context),
    context,
    redact,
    required: (kind) => options.require.includes(kind) || (options.require.includes("all") && chosen.has(kind)),
    fullEveryMs: options.full_every,
    probe,
    parents: parentsOf(kinds),
    failures: failuresOf(context.signal),
    tombstones: tombstones(),
    observers: new Map(),
    states: new Map(),
    notes: notesBefore(context.checkpoint?.before),
    keys: new Map(),
    references: referencesOf(),
    comments: commentCounts(),
    readAgain: new Set(),
    empty: new Map(),
    startedAt: api.now(),
    checked: new Map(),
    lfs: { stored: 0, missing: 0 },
    texts: undefined,
    subject: undefined,
    isSubjectListed: false,
  };
  context.checkpoint?.note(() => notesOf(work));
  return work;
}

/**
 * Without the thing itself there is nothing to go on with; and another one of the same name must not take its place.
 * @throws SourceError
 */
export function checkSubject({ subject, states, failures }: SubjectWork, unit: Unit, kind: Subject): void {
  if (subject === undefined) {
    failures.raise();
    const { state, reason } = states.get(kind) ?? {};
    const code = reason?.startsWith("404") === true ? "SOURCE_NOT_FOUND" : "SOURCE_FORBIDDEN";
    throw new SourceError(
      code,
      `GitHub does not show ${unit.id} (${state === "BLOCKED" ? "blocked, " : ""}${reason ?? "no answer"})`,
    );
  }
  const identity = wholeOf(unit.identity) ?? unit.identity;
  if (identity !== `${kind}:${String(subject.id)}`) {
    throw new SourceError("SOURCE_NOT_FOUND", `${unit.id} is another ${kind} than was listed a moment ago`);
  }
}

/**
 * Everything is asked for by name. Where the subject itself was not, another one may have taken its name since it was listed.
 * @throws SourceError
 */
export async function checkStillThere(work: SubjectWork, unit: Unit, path: Path): Promise<void> {
  if (!work.isSubjectListed || isAsBefore(work)) return;
  const url = filled(path, work.params);
  try {
    work.subject = objectOf(await work.session.get(url), url, "FORBIDDEN");
  } catch (error) {
    if (!(error instanceof UnreadableError)) throw error;
    throw new SourceError("SOURCE_NOT_FOUND", `GitHub does not show ${unit.id} any more (${error.message})`);
  }
  checkSubject(work, unit, "repository");
}

/** Every answer was that nothing had changed, and git's refs are those of then. */
function isAsBefore({ session, states, previous }: SubjectWork): boolean {
  const { requests, notModified } = session.stats;
  const isSame = ([kind, artifact]: [string, string]) =>
    states.get(kind)?.newest === previous.stateOf(kind, artifact)?.newest;
  return requests === notModified && Object.entries(BUNDLES).every(isSame);
}

/** What each unit ends with: its tombstones, and its account of the kinds. @throws SourceError for the kinds that failed */
export async function* closingItems(work: SubjectWork, unit: Unit): AsyncGenerator<Item> {
  // A part may have found the whole's, whose tombstones go on with the metadata.
  if (wholeOf(unit.identity) === undefined) yield* tombstoneItems(work);
  // What is required is told as what it is.
  for (const [kind, reason] of work.failures.reasons())
    if ((work.states.get(kind)?.state ?? "FAILED") === "FAILED")
      work.states.set(kind, { state: "FAILED", reason: work.redact(reason) });
  const kinds = rememberedStates(work);
  yield summaryItem(
    { schema: 1, identity: unit.identity ?? unit.id, name: unit.id, kinds },
    work.previous,
    work.session,
    factsOf(work, kinds),
  );
  const sort = tellsRightsOf(unit);
  if (sort !== undefined) warnOfRights(work, unit, sort);
  work.failures.raise();
}

function factsOf({ subject, checked, lfs: counts }: SubjectWork, kinds: Readonly<Record<string, KindState>>): Facts {
  const { lfs } = kinds;
  const snapshotsOf = (name: "lost" | "held", of: (state: KindState) => string | undefined): Facts => {
    const some = Object.entries(kinds).flatMap(([kind, state]) => {
      const snapshot = of(state);
      return snapshot === undefined ? [] : [[kind, snapshot] as const];
    });
    return some.length === 0 ? {} : { [name]: Object.fromEntries(some) };
  };
  return {
    // By these the next run knows what it may have lost.
    ...rememberedOf(subject),
    // Nothing new was read where there is none.
    ...(checked.size === 0 ? {} : { checked: Object.fromEntries(checked) }),
    ...snapshotsOf("lost", ({ readIn }) => readIn),
    ...snapshotsOf("held", ({ heldIn }) => heldIn),
    ...(lfs === undefined ? {} : lfsFacts(lfs, counts)),
  };
}

/** `deleted.jsonl`: what earlier snapshots say is gone, and what this one found. */
async function* tombstoneItems({ tombstones: found, session, previous }: SubjectWork): AsyncGenerator<Item> {
  const noticedAt = session.api.now().toISOString();
  const before = previous.linesOf(DELETED);
  async function* lines(): AsyncGenerator<Line> {
    yield* before?.() ?? [];
    yield* found.lines(noticedAt);
  }
  if (!found.isEmpty) yield kindItem(DELETED, lines);
  else if (previous.unit?.artifacts.has(`${TOMBSTONES}.jsonl`) === true) yield unchangedItem(kindItem(DELETED, lines));
}

const DELETED: Pick<Kind, "name" | "reading"> = { name: TOMBSTONES, reading: { how: "list", path: "" } };
