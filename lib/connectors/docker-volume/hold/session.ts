import { SourceError } from "../../../errors.ts";
import { command } from "../engine/api.ts";
import type { Engine } from "../engine/engine.ts";
import { EngineRefusal } from "../engine/fault.ts";
import { createHelper, type Helper } from "../helper.ts";
import type { Consistency } from "../options.ts";
import { type Source, sourceName } from "../source.ts";
import { type Guard, startGuard } from "./guard.ts";
import type { Hold } from "./hold.ts";
import { planHolds } from "./plan.ts";
import { release } from "./release.ts";
import { waitForTurn } from "./turn.ts";

export interface SessionOptions {
  readonly consistency: Consistency;
  readonly limitMs: number;
  readonly now: () => Date;
  readonly signal: AbortSignal;
}

/** How long a container was held, and what became of it. */
export interface HeldTime {
  readonly name: string;
  readonly how: Hold["how"];
  readonly ms: number;
  readonly remark?: string;
}

/** A source that can be read, while those that write to it wait. */
export interface Session {
  readonly helper: Helper;
  /** The ids of those that are held now. */
  held(): ReadonlySet<string>;
  /** Aborted with `UNIT_TIMEOUT` when containers were held for too long. */
  readonly limit: AbortSignal;
  /** Holds the containers. @throws what the Engine says; what was held by then is still to be released */
  hold(): Promise<void>;
  /** Lets them go on; a second call does nothing. @throws SourceError naming those that may still be held */
  release(): Promise<readonly HeldTime[]>;
  /** Releases, and removes the helper. To be called in every case. */
  end(): Promise<void>;
}

const RELEASE_MS = 300_000;
/** Containers can be started while we wait for our turn; a plan that is never up to date is no plan. */
const PLANS = 10;

/** Makes the helper, whose labels say what is going to be held, and waits until nobody else holds any of it. */
export async function openSession(engine: Engine, source: Source, options: SessionOptions): Promise<Session> {
  for (let plan = 1; ; plan += 1) {
    const holds = await planHolds(engine, source, options.consistency, options.signal);
    const until = new Date(options.now().getTime() + 2 * options.limitMs + RELEASE_MS);
    const helper = await createHelper(engine, source, { readOnly: true, holds, until, signal: options.signal });
    try {
      if (holds.length === 0) return sessionOf(engine, source, helper, holds, options);
      await waitForTurn(engine, helper.id, holds, options.now, options.signal);
      const again = await planHolds(engine, source, options.consistency, options.signal);
      if (plan >= PLANS || again.every(({ id }) => holds.some((hold) => hold.id === id)))
        return sessionOf(engine, source, helper, holds, options);
    } catch (error) {
      await helper.remove();
      throw error;
    }
    await helper.remove();
  }
}

function sessionOf(
  engine: Engine,
  source: Source,
  helper: Helper,
  holds: readonly Hold[],
  { limitMs, signal }: SessionOptions,
): Session {
  const limit = new AbortController();
  const held: { readonly hold: Hold; readonly since: number }[] = [];
  let guard: Guard | undefined;
  let timer: NodeJS.Timeout | undefined;
  let removed = false;

  async function letGo(): Promise<readonly HeldTime[]> {
    clearTimeout(timer);
    const begun = [...held];
    if (begun.length === 0) return [];
    // The run's own signal may be what ends this reading.
    const released = await release(
      engine,
      begun.map(({ hold }) => hold),
      AbortSignal.timeout(RELEASE_MS),
    );
    held.length = 0;
    return released.map(({ hold, at, remark }) => ({
      name: hold.name,
      how: hold.how,
      ms: Math.round(at - (begun.find((one) => one.hold === hold)?.since ?? at)),
      ...(remark !== undefined && { remark }),
    }));
  }

  return {
    helper,
    held: () => new Set(held.map(({ hold }) => hold.id)),
    limit: limit.signal,
    async hold() {
      if (holds.length === 0) return;
      guard = await startGuard({ place: engine.place, undo: { helper: helper.id, limitMs } }, signal);
      timer = setTimeout(() => limit.abort(heldTooLong(source, holds, limitMs)), limitMs);
      for (const hold of holds) {
        // Before it is done: an answer that does not come says nothing about what was done.
        const entry = { hold, since: performance.now() };
        held.push(entry);
        if (!(await holdOne(engine, hold, signal))) held.splice(held.indexOf(entry), 1);
      }
    },
    release: letGo,
    async end() {
      try {
        await letGo();
        if (!removed) await helper.remove();
        removed = true;
        await guard?.dismiss();
      } catch (error) {
        // Its labels still say what is to be done, and the guard goes on trying.
        await guard?.leave();
        throw error;
      } finally {
        guard = undefined;
      }
    },
  };
}

/** False when there is nothing to hold: it ended, was removed, or was paused or stopped by somebody else. */
async function holdOne(engine: Engine, hold: Hold, signal: AbortSignal): Promise<boolean> {
  try {
    return (await command(engine, hold, hold.how, signal)) !== 304;
  } catch (error) {
    if (error instanceof EngineRefusal && (error.status === 404 || error.status === 409)) return false;
    throw error;
  }
}

function heldTooLong(source: Source, holds: readonly Hold[], limitMs: number): SourceError {
  const names = holds.map(({ name }) => name).join(", ");
  return new SourceError(
    "UNIT_TIMEOUT",
    `${sourceName(source)} could not be read within its hold_limit of ${Math.round(limitMs / 1000)} s; ${names} went on, and nothing is stored`,
  );
}
