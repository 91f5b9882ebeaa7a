import { SourceError } from "../../../errors.ts";
import { command, findContainer } from "../engine/api.ts";
import type { Engine } from "../engine/engine.ts";
import { EngineRefusal } from "../engine/fault.ts";
import { createHelper, type Helper } from "../helper.ts";
import type { Consistency } from "../options.ts";
import { type Source, sourceName } from "../source.ts";
import { type Guard, startGuard } from "./guard.ts";
import type { Hold } from "./hold.ts";
import { markerOf, type WriteMarker } from "./marker.ts";
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
const MARK_MS = 10_000;
/** Containers can be started while we wait for our turn; a plan that is never up to date is no plan. */
const PLANS = 10;

/** Makes the helper, whose labels say what is going to be held, and waits until nobody else holds any of it. */
export async function openSession(engine: Engine, source: Source, options: SessionOptions): Promise<Session> {
  for (let plan = 1; ; plan += 1) {
    const holds = await planHolds(engine, source, options.consistency, options.signal);
    const until = aliveUntil(options);
    const helper = await createHelper(engine, source, { readOnly: true, holds, until, signal: options.signal });
    const mark = markerOf(engine, helper, holds);
    try {
      if (holds.length === 0) return sessionOf(engine, source, { helper, holds, mark }, options);
      await waitForTurn(engine, helper.id, holds, { ...options, stillHere: prolonging(mark, options) });
      const again = await planHolds(engine, source, options.consistency, options.signal);
      if (plan >= PLANS || again.every(({ id }) => holds.some((hold) => hold.id === id)))
        return sessionOf(engine, source, { helper, holds, mark }, options);
    } catch (error) {
      await helper.remove();
      throw error;
    }
    await helper.remove();
  }
}

const aliveUntil = ({ now, limitMs }: SessionOptions): Date => new Date(now().getTime() + 2 * limitMs + RELEASE_MS);

/** A turn may be long in coming, and other machines are not to take us for dead meanwhile. */
function prolonging(mark: WriteMarker, options: SessionOptions) {
  let said = options.now().getTime();
  return async () => {
    if (options.now().getTime() - said < options.limitMs) return;
    said = options.now().getTime();
    await mark({ until: aliveUntil(options), held: [] }, options.signal);
  };
}

function sessionOf(
  engine: Engine,
  source: Source,
  { helper, holds, mark }: { readonly helper: Helper; readonly holds: readonly Hold[]; readonly mark: WriteMarker },
  options: SessionOptions,
): Session {
  const { limitMs, signal } = options;
  let until = aliveUntil(options);
  const limit = new AbortController();
  const held: { readonly hold: Hold; readonly since: number }[] = [];
  let guard: Guard | undefined;
  let timer: NodeJS.Timeout | undefined;
  let removed = false;

  const writeHeld = (stop: AbortSignal) => mark({ until, held: held.map(({ hold }) => hold) }, stop);

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
    await writeHeld(AbortSignal.timeout(MARK_MS)).catch(() => {});
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
      until = aliveUntil(options);
      for (const hold of holds) {
        if (!(await isRunning(engine, hold, signal))) continue;
        // Before it is done: an answer that does not come says nothing about what was done.
        const entry = { hold, since: performance.now() };
        held.push(entry);
        await writeHeld(signal);
        if (await holdOne(engine, hold, signal)) continue;
        held.splice(held.indexOf(entry), 1);
        await writeHeld(signal);
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

/** Somebody else may have paused or stopped it while we waited, and it is theirs to let go. */
async function isRunning(engine: Engine, { id }: Hold, signal: AbortSignal): Promise<boolean> {
  const container = await findContainer(engine, id, signal);
  return container?.State.Running === true && !container.State.Paused;
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
