import { SourceError } from "../../errors.ts";
import type { Item } from "../connector.ts";
import { heldTo } from "./held-to.ts";
import { keptParts, wholeParts } from "./kind-parts.ts";
import type { Kind } from "./kinds/kind.ts";
import { numbersOf, packed } from "./number-facts.ts";
import { isObject } from "./pages.ts";
import { filled } from "./reading.ts";
import { REFERRING, TARGETS, type Target } from "./references.ts";
import { wasReadable } from "./state.ts";
import type { SubjectWork } from "./subject-work.ts";

/**
 * Whether each comment's issue and each review's pull request is there. Comments are read first, so one that is not was deleted meanwhile,
 * or the list has a hole: GitHub is asked which. What is answered is in the facts of `collected.json`, where proof finds what may be missing.
 */
export async function* checkReferences(work: SubjectWork): AsyncGenerator<Item> {
  for (const target of TARGETS) {
    const kind = work.kinds.find(({ name }) => name === target);
    if (kind === undefined || !wasReadable(work.states.get(target)?.state)) continue;
    try {
      yield* heldTo(work, kind, () => checkTarget(work, kind, target));
    } catch (error) {
      work.failures.add(target, error);
    }
  }
}

async function checkTarget(work: SubjectWork, kind: Kind, target: Target): Promise<void> {
  const wanted = wantedOf(work, target);
  if (wanted === undefined) return;
  const held = work.states.get(target)?.state === "EMPTY" ? new Set<number>() : await heldOf(work, kind);
  const missing = wanted.difference(held);
  // Where nothing was read anew, it was asked about by then.
  const isNew = [target, ...REFERRING[target]].some((name) => work.references.of(name) !== undefined);
  const gone = isNew ? await goneOf(work, target, missing) : missing.size;
  const listed = packed(missing);
  work.checked.set(target, { references: wanted.size, gone, ...(listed === undefined ? {} : { missing: listed }) });
}

/** Of what is stored; of an artifact that is taken over, by its facts. */
function wantedOf({ references, context, previous, states }: SubjectWork, target: Target) {
  const sets = REFERRING[target].flatMap((name) => {
    const passed = references.of(name);
    const kept = numbersOf(keptParts({ name }, context.kept));
    if (passed !== undefined || kept !== undefined) return [passed, kept];
    return states.get(name)?.state === "READ" ? [numbersOf(keptParts({ name }, previous.unit?.artifacts))] : [];
  });
  const told = sets.filter((set) => set !== undefined);
  return told.length === 0 ? undefined : new Set(told.flatMap((numbers) => [...numbers]));
}

async function heldOf({ references, context, previous }: SubjectWork, kind: Kind): Promise<ReadonlySet<number>> {
  const known =
    numbersOf(wholeParts(kind, context.kept) ?? []) ??
    references.of(kind.name) ??
    numbersOf(keptParts(kind, previous.unit?.artifacts));
  if (known !== undefined) return known;
  const numbers = new Set<number>();
  for await (const { json } of previous.linesOf(kind)?.() ?? [])
    if (typeof json.number === "number") numbers.add(json.number);
  return numbers;
}

/** Each is a request. Where the list has a hole that is longer, one of these is in it. */
const MOST_ASKED = 100;

/** How many of them GitHub does not have, as those tell that are asked for. @throws SourceError `SOURCE_INCOMPLETE` for one that it has and did not list */
async function goneOf(work: SubjectWork, target: Target, missing: ReadonlySet<number>): Promise<number> {
  // Made after the list was stored, in a wait.
  const made = work.references.of(target);
  const wanted = [...missing].filter((number) => made?.has(number) !== true).sort((a, b) => a - b);
  for (const number of spread(wanted, MOST_ASKED)) {
    if (await isThere(work, target, number))
      throw new SourceError(
        "SOURCE_INCOMPLETE",
        `something belongs to number ${number}, which GitHub has and did not list`,
      );
  }
  return wanted.length;
}

/** So many of them at most, at equal distances, the last one among them. */
function spread<T>(all: readonly T[], most: number): readonly T[] {
  const step = Math.max(1, all.length / most);
  return all.filter((_, n) => Math.floor((n + 1) / step) > Math.floor(n / step));
}

/** One that moved to another repository answers from there, under another number. */
async function isThere({ session, params }: SubjectWork, target: Target, number: number): Promise<boolean> {
  const url = filled(`/repos/{owner}/{repo}/${target}/{number}`, { ...params, number: String(number) });
  const { status, json } = await session.get(url);
  if (status === 404 || status === 410) return false;
  if (status !== 200 || !isObject(json))
    throw new SourceError("SOURCE_INCOMPLETE", `GET ${url} is answered with ${status}`);
  return json.number === number;
}
