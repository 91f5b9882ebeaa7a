import type { Warning } from "../../connector.ts";
import { listContainers } from "../engine/api.ts";
import type { Engine } from "../engine/engine.ts";
import { removeHelper } from "../helper.ts";
import { type Hold, holdsOf } from "./hold.ts";
import { isAbandoned, OWNER_LABEL } from "./owner.ts";
import { release } from "./release.ts";

/**
 * Releases what processes that are gone had paused or stopped, and removes their helper containers. What they had not
 * come to hold is left as it is. Answers what an operator should know of it; what fails is tried again the next time.
 */
export async function mendLeftovers(engine: Engine, now: Date, signal: AbortSignal): Promise<readonly Warning[]> {
  const helpers = await listContainers(engine, signal, { label: [OWNER_LABEL] });
  const told: Warning[] = [];
  for (const { Id, Labels } of helpers) {
    if (!isAbandoned(Labels, now, engine.place.host.kind === "unix")) continue;
    try {
      const holds = await mendHelper(engine, Id, Labels, signal);
      told.push(...holds.map(releasedWarning));
    } catch (error) {
      signal.throwIfAborted();
      told.push({ code: "CONTAINER_HELD", message: error instanceof Error ? error.message : String(error) });
    }
  }
  return told;
}

/** The helper goes last: it is what tells of the others. */
export async function mendHelper(
  engine: Engine,
  id: string,
  labels: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<readonly Hold[]> {
  const holds = holdsOf(labels);
  await release(engine, holds, signal);
  await removeHelper(engine, id);
  return holds;
}

function releasedWarning({ name, how }: Hold): Warning {
  const was = how === "pause" ? "paused" : "stopped";
  return { code: "CONTAINER_RELEASED", message: `a run that was killed had ${was} the container ${name}; it goes on` };
}
