import { setTimeout as delay } from "node:timers/promises";
import { SourceError } from "../../../errors.ts";
import { command, findContainer } from "../engine/api.ts";
import type { Engine } from "../engine/engine.ts";
import type { Container } from "../engine/shapes.ts";
import type { Hold } from "./hold.ts";
import { needsOf } from "./order.ts";

/** How long a container may take to become healthy before those that wait for it are started all the same. */
const HEALTHY_MS = 60_000;
const POLL_MS = 250;
const ATTEMPTS = 4;

export interface Released {
  readonly hold: Hold;
  /** By the clock of `performance.now()`. */
  readonly at: number;
  /** Why it does not go on, though we did what we could: it ended, or was removed, or by whom it was released before. */
  readonly remark?: string;
}

/**
 * Lets containers go on, those first that others need. One that cannot be released keeps none of the others.
 * @throws SourceError naming each that may still be held
 */
export async function release(
  engine: Engine,
  holds: readonly Hold[],
  signal: AbortSignal,
): Promise<readonly Released[]> {
  const released: Released[] = [];
  const failed: string[] = [];
  const started: Container[] = [];
  for (const hold of holds.toReversed()) {
    try {
      const before = await findContainer(engine, hold.id, signal);
      if (before !== undefined && hold.how === "stop") await untilHealthy(engine, before, started, signal);
      const remark = await releaseOne(engine, hold, signal);
      if (before !== undefined) started.push(before);
      released.push({ hold, at: performance.now(), ...(remark !== undefined && { remark }) });
    } catch (error) {
      failed.push(`${hold.name} (${error instanceof Error ? error.message : error})`);
    }
  }
  if (failed.length > 0) {
    throw new SourceError(
      "SOURCE_FAILED",
      `containers that were paused or stopped to read them may still be so: ${failed.join(", ")}; the next command tries again`,
    );
  }
  return released;
}

/** An Engine that is busy or being restarted gets some seconds. */
async function releaseOne(engine: Engine, hold: Hold, signal: AbortSignal): Promise<string | undefined> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await letGo(engine, hold, signal);
    } catch (error) {
      if (attempt >= ATTEMPTS) throw error;
      await delay(attempt * 500, undefined, { signal });
    }
  }
}

/** What is running, and not paused, needs nothing: so this can be done twice. */
async function letGo(engine: Engine, hold: Hold, signal: AbortSignal): Promise<string | undefined> {
  const container = await findContainer(engine, hold.id, signal);
  if (container === undefined) return "was removed meanwhile";
  const { Running, Paused } = container.State;
  if (hold.how === "stop") {
    if (!Running) await command(engine, hold, "start", signal);
    return undefined;
  }
  if (!Running) return "ended while it was paused";
  if (Paused) await command(engine, hold, "unpause", signal);
  return undefined;
}

async function untilHealthy(
  engine: Engine,
  container: Container,
  started: readonly Container[],
  signal: AbortSignal,
): Promise<void> {
  const until = performance.now() + HEALTHY_MS;
  for (const { id } of needsOf(container, started).filter(({ healthy }) => healthy)) {
    while (performance.now() < until) {
      const needed = await findContainer(engine, id, signal);
      if (needed?.State.Health?.Status !== "starting" && needed?.State.Health?.Status !== "unhealthy") break;
      await delay(POLL_MS, undefined, { signal });
    }
  }
}
