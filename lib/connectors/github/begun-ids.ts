import { NotFoundError } from "../../errors.ts";
import { itemIds } from "./gone-items.ts";
import { linesOf } from "./lines.ts";
import type { KindContext } from "./reading.ts";

/** By the keys of lines, what is on each of those that were stored before we had to wait; undefined where they are sealed to us. */
export async function begunIds({
  kind,
  begun,
}: Pick<KindContext, "kind" | "begun">): Promise<ReadonlyMap<string, ReadonlySet<string>> | undefined> {
  const ids = new Map<string, ReadonlySet<string>>();
  try {
    for (const part of begun?.parts ?? [])
      for await (const { key, json } of linesOf(kind, part.open())) ids.set(key, itemIds(json));
    return ids;
  } catch (error) {
    if (!(error instanceof NotFoundError)) throw error;
    return undefined;
  }
}
