import type { Warning } from "../../connector.ts";
import { listContainers } from "../engine/api.ts";
import type { Engine } from "../engine/engine.ts";
import { removeHelper } from "../helper.ts";
import { HOLDS_LABEL, type Hold } from "./hold.ts";
import { heldBy, isHelperAbandoned, type MarkedHelper } from "./marker.ts";
import { OWNER_LABEL } from "./owner.ts";
import { release } from "./release.ts";

/**
 * Releases what processes that are gone had paused or stopped, and removes their helper containers. What they had not
 * come to hold is left as it is. Answers what an operator should know of it; what fails is tried again the next time.
 */
export async function mendLeftovers(engine: Engine, now: Date, signal: AbortSignal): Promise<readonly Warning[]> {
  const helpers = await listContainers(engine, signal, { label: [OWNER_LABEL] });
  const told: Warning[] = [];
  for (const helper of helpers) {
    if (!isHelperAbandoned(helper, now, isHere(engine))) continue;
    try {
      const holds = await mendHelper(engine, helper, now, signal);
      told.push(...holds.map(releasedWarning));
    } catch (error) {
      signal.throwIfAborted();
      told.push({ code: "CONTAINER_HELD", message: error instanceof Error ? error.message : String(error) });
    }
  }
  return told;
}

/**
 * Releases what the helper's owner held, and not what it only waited for, nor what somebody alive holds by now. The helper
 * goes last: it is what tells of the others.
 */
export async function mendHelper(
  engine: Engine,
  helper: MarkedHelper,
  now: Date,
  signal: AbortSignal,
): Promise<readonly Hold[]> {
  const held = heldBy(helper);
  const taken = held.length === 0 ? new Set() : await heldByOthers(engine, helper.Id, now, signal);
  const holds = held.filter(({ id }) => !taken.has(id));
  await release(engine, holds, signal);
  await removeHelper(engine, helper.Id);
  return holds;
}

async function heldByOthers(engine: Engine, id: string, now: Date, signal: AbortSignal): Promise<ReadonlySet<string>> {
  const helpers = await listContainers(engine, signal, { label: [HOLDS_LABEL] });
  const alive = helpers.filter((other) => other.Id !== id && !isHelperAbandoned(other, now, isHere(engine)));
  return new Set(alive.flatMap(heldBy).map((hold) => hold.id));
}

const isHere = (engine: Engine): boolean => engine.place.host.kind === "unix";

function releasedWarning({ name, how }: Hold): Warning {
  const was = how === "pause" ? "paused" : "stopped";
  return { code: "CONTAINER_RELEASED", message: `a run that was killed had ${was} the container ${name}; it goes on` };
}
