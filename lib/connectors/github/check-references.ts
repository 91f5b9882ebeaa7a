import { SourceError } from "../../errors.ts";
import type { Kind } from "./kinds/kind.ts";
import { isObject } from "./pages.ts";
import { filled } from "./reading.ts";
import type { Target } from "./references.ts";
import type { SubjectWork } from "./subject-work.ts";

/**
 * Whether each comment's issue and each review's pull request is there. Comments are read first, so one that is not was deleted meanwhile,
 * or the list has a hole: GitHub is asked which. What is answered is counted in `collected.json`.
 */
export async function checkReferences(work: SubjectWork): Promise<void> {
  for (const target of ["issues", "pulls"] as const) {
    const kind = work.kinds.find(({ name }) => name === target);
    const state = work.states.get(target)?.state;
    const wanted = work.references.wanted(target);
    if (kind === undefined || wanted === undefined || (state !== "READ" && state !== "EMPTY")) continue;
    try {
      const held = work.references.held(target) ?? (await heldBefore(work, kind));
      const gone: number[] = [];
      for (const number of wanted) {
        if (held.has(number)) continue;
        if (await isThere(work, target, number))
          throw new SourceError(
            "SOURCE_INCOMPLETE",
            `something belongs to number ${number}, which GitHub has and did not list`,
          );
        gone.push(number);
      }
      work.checked.set(target, { references: wanted.size, gone: gone.length });
    } catch (error) {
      work.failures.add(target, error);
    }
  }
}

async function heldBefore({ previous }: SubjectWork, kind: Kind): Promise<ReadonlySet<number>> {
  const numbers = new Set<number>();
  for await (const { json } of previous.linesOf(kind)?.() ?? [])
    if (typeof json.number === "number") numbers.add(json.number);
  return numbers;
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
