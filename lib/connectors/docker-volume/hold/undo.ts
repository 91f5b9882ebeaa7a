import { setTimeout as delay } from "node:timers/promises";
import { findContainer } from "../engine/api.ts";
import { openEngine } from "../engine/engine.ts";
import { runCommands } from "../exec.ts";
import type { GuardOrders } from "./guard.ts";
import { mendHelper } from "./mend.ts";

export interface UndoLimits {
  /** When nothing is tried once more. */
  readonly giveUpMs: number;
  readonly attemptMs: number;
  readonly pauseMs: number;
}

/** An Engine that is away comes back, or its machine does; one that hangs must not hold a container, or a task on AWS, for hours. */
const LIMITS: UndoLimits = { giveUpMs: 900_000, attemptMs: 600_000, pauseMs: 5_000 };

/**
 * Undoes what was done to containers, however often that takes. Throws nothing: there is nobody to tell. Labels stay, and the
 * next command finds them.
 */
export async function undo(orders: GuardOrders, { giveUpMs, attemptMs, pauseMs }: UndoLimits = LIMITS): Promise<void> {
  for (const until = performance.now() + giveUpMs; performance.now() < until; await delay(pauseMs)) {
    try {
      await undoOnce(orders, AbortSignal.timeout(attemptMs));
      return;
    } catch {
      // A container that another guard has not let go on yet runs a command later.
    }
  }
}

async function undoOnce({ place, undo: what }: GuardOrders, signal: AbortSignal): Promise<void> {
  const engine = await openEngine(place, signal);
  try {
    if (!("helper" in what)) return await runCommands(engine, what.source, what.commands, signal);
    const found = await findContainer(engine, what.helper, signal);
    if (found === undefined) return;
    const helper = { Id: found.Id, Names: [found.Name], Labels: found.Config.Labels };
    await mendHelper(engine, helper, new Date(), signal);
  } finally {
    // Over ssh it is a process here and a session there.
    await engine.close();
  }
}
