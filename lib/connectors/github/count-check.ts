import { SourceError } from "../../errors.ts";
import type { Facts } from "../connector.ts";
import { askGraphql } from "./graphql.ts";
import type { Kind } from "./kinds/kind.ts";
import { isObject } from "./pages.ts";
import { countIn, questionOf } from "./probe.ts";
import type { SubjectWork } from "./subject-work.ts";

/** Kinds of which GraphQL counts what REST lists. */
const COUNTED: ReadonlySet<string> = new Set(["labels", "issues", "pulls", "releases"]);

/**
 * Holds a list to the number that GitHub gave for it before it was read, and answers what is wrong. Something may have been deleted since, so GitHub is asked
 * once more before it counts as `SOURCE_INCOMPLETE`.
 */
export async function holeIn(work: SubjectWork, kind: Kind, lines: number): Promise<SourceError | undefined> {
  const { session, subject, probe } = work;
  const id = subject?.node_id;
  const told = COUNTED.has(kind.name) ? countIn(probe[kind.name]) : undefined;
  if (told === undefined || lines >= told || typeof id !== "string") return undefined;
  const fields = kind.probe ?? [];
  const { data } = await askGraphql(session, questionOf(fields), { ids: [id] });
  const [node] = Array.isArray(data.nodes) ? data.nodes : [];
  const counts = fields.map((field) => {
    const list = isObject(node) ? node[field] : undefined;
    return isObject(list) && typeof list.totalCount === "number" ? list.totalCount : 0;
  });
  const now = counts.reduce((sum, count) => sum + count, 0);
  if (lines >= now) return undefined;
  return new SourceError("SOURCE_INCOMPLETE", `GitHub lists ${lines} of the ${now} ${kind.name} that it counts`);
}

/** As a fact of the artifact: GitHub's count of after a wait is of another moment than what was stored before it. */
export const holeFacts = (hole: SourceError | undefined): Facts => (hole === undefined ? {} : { hole: hole.message });

export const storedHole = ({ hole }: Facts): SourceError | undefined =>
  typeof hole === "string" ? new SourceError("SOURCE_INCOMPLETE", hole) : undefined;
