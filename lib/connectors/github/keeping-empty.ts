import { DeferredError } from "../../errors.ts";
import type { Item } from "../connector.ts";
import { kindItem } from "./kind-item.ts";
import { noLines } from "./lines.ts";
import type { SubjectWork } from "./subject-work.ts";

/**
 * A kind without lines is no artifact, and after a wait nothing would tell that it was asked about, once for each of its parents. So where the unit has to
 * wait, it is one, without lines: else what has nothing could take each hour's requests anew.
 */
export async function* keepingEmpty(work: SubjectWork, items: AsyncIterable<Item>): AsyncGenerator<Item> {
  try {
    yield* items;
  } catch (error) {
    if (error instanceof DeferredError)
      for (const [kind, facts] of work.empty) yield kindItem(kind, noLines, { more: () => facts });
    throw error;
  }
}
