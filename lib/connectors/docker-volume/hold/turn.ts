import { setTimeout as delay } from "node:timers/promises";
import { findContainer, listContainers } from "../engine/api.ts";
import type { Engine } from "../engine/engine.ts";
import { HOLDS_LABEL, type Hold, holdsOf } from "./hold.ts";
import { isHelperAbandoned } from "./marker.ts";
import { mendHelper } from "./mend.ts";

const POLL_MS = 250;

/**
 * Waits until no older helper, of this process or any other, holds one of the same containers: who lets a container go must
 * not do so under another one's reading. Helpers of the dead are mended on the way. `stillHere` is called now and again.
 */
export async function waitForTurn(
  engine: Engine,
  helper: string,
  holds: readonly Hold[],
  { now, signal, stillHere }: { now: () => Date; signal: AbortSignal; stillHere: () => Promise<void> },
): Promise<void> {
  const wanted = new Set(holds.map(({ id }) => id));
  for (;;) {
    const others = (await listContainers(engine, signal, { label: [HOLDS_LABEL] })).filter(
      ({ Id, Labels }) => Id !== helper && holdsOf(Labels).some(({ id }) => wanted.has(id)),
    );
    let mustWait = false;
    for (const other of others) {
      if (isHelperAbandoned(other, now(), engine.place.host.kind === "unix"))
        await mendHelper(engine, other, now(), signal);
      else if (await isOlder(engine, other.Id, helper, signal)) mustWait = true;
    }
    if (!mustWait) return;
    await stillHere();
    await delay(POLL_MS, undefined, { signal });
  }
}

/** By the Engine's own clock. What is gone meanwhile is nobody to wait for. */
async function isOlder(engine: Engine, other: string, helper: string, signal: AbortSignal): Promise<boolean> {
  const [first, second] = [await findContainer(engine, other, signal), await findContainer(engine, helper, signal)];
  if (first === undefined || second === undefined) return false;
  const [theirs, ours] = [sortable(first.Created), sortable(second.Created)];
  return theirs === ours ? first.Id < second.Id : theirs < ours;
}

/** Go leaves zeros at the end of a fraction out. */
function sortable(time: string): string {
  const [, seconds = "", fraction = ""] = /^(.+?)(?:\.(\d+))?Z$/.exec(time) ?? [];
  return `${seconds}.${fraction.padEnd(9, "0")}`;
}
