import * as z from "zod";
import { SourceError } from "../../errors.ts";
import type { Item } from "../connector.ts";
import { heldTo } from "./held-to.ts";
import { keptParts, wholeParts } from "./kind-parts.ts";
import type { Kind } from "./kinds/kind.ts";
import { numbersOf, packed, unpacked } from "./number-facts.ts";
import { isObject } from "./pages.ts";
import { filled } from "./reading.ts";
import { REFERRING, TARGETS, type Target } from "./references.ts";
import { wasReadable } from "./state.ts";
import type { SubjectWork } from "./subject-work.ts";

/**
 * Whether each comment's issue and each review's pull request is there. Comments are read first, so one that is not was deleted meanwhile,
 * or the list has a hole: GitHub is asked which. What is answered is in the facts of `collected.json`, where proof finds what may be missing, and
 * what of that GitHub was asked about.
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
  const before = isNew ? undefined : askedBefore(work, target);
  const gone = before?.intersection(missing) ?? (await goneOf(work, target, missing));
  const [listed, asked] = [packed(missing), packed(gone)];
  const facts = { references: wanted.size, gone: gone.size };
  const isTold = listed !== undefined && asked !== undefined;
  work.checked.set(target, { ...facts, ...(isTold ? { missing: listed, asked } : {}) });
}

const checkedFacts = z.record(z.string(), z.object({ asked: z.string().optional() }));

/** Undefined where the last snapshot does not tell. */
function askedBefore({ previous: { unit } }: SubjectWork, target: Target): ReadonlySet<number> | undefined {
  const checked = checkedFacts.safeParse(unit?.artifacts.get("collected.json")?.facts.checked);
  const asked = checked.data?.[target]?.asked;
  return asked === undefined ? undefined : unpacked(asked);
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

/** Each is a request. */
const MOST_ASKED = 100;

/** Those that GitHub was asked about and does not have. @throws SourceError `SOURCE_INCOMPLETE` for one that it has and did not list */
async function goneOf(work: SubjectWork, target: Target, missing: ReadonlySet<number>): Promise<ReadonlySet<number>> {
  // Made after the list was stored, in a wait.
  const made = work.references.of(target);
  const wanted = [...missing].filter((number) => made?.has(number) !== true).sort((a, b) => a - b);
  const asked = spread(wanted, MOST_ASKED, turnOf(work.startedAt));
  for (const number of asked) {
    if (await isThere(work, target, number))
      throw new SourceError(
        "SOURCE_INCOMPLETE",
        `something belongs to number ${number}, which GitHub has and did not list`,
      );
  }
  return new Set(asked);
}

/** So many of them at most, at equal distances. `turn`, from 0 to 1, says where the first one is. */
function spread<T>(all: readonly T[], most: number, turn: number): readonly T[] {
  if (all.length <= most) return all;
  const chosen = Array.from({ length: most }, (_, n) => Math.floor(((n + turn) * all.length) / most));
  return all.filter((_, n) => chosen.includes(n));
}

const GOLDEN = (Math.sqrt(5) - 1) / 2;
/** Another one each day, far from those of the days before, so that in some nights all are asked about. */
const turnOf = (time: Date): number => (Math.floor(time.getTime() / 86_400_000) * GOLDEN) % 1;

/** One that moved to another repository answers from there, under another number. */
async function isThere({ session, params }: SubjectWork, target: Target, number: number): Promise<boolean> {
  const url = filled(`/repos/{owner}/{repo}/${target}/{number}`, { ...params, number: String(number) });
  const { status, json } = await session.get(url);
  if (status === 404 || status === 410) return false;
  if (status !== 200 || !isObject(json))
    throw new SourceError("SOURCE_INCOMPLETE", `GET ${url} is answered with ${status}`);
  return json.number === number;
}
