import { setImmediate as turn } from "node:timers/promises";
import { LEASE_MS, type LeaseContext } from "../../lib/lease/lease.ts";
import type { LeaseDocument } from "../../lib/lease/lease-document.ts";
import { createLog } from "../../lib/log.ts";
import { createRedaction } from "../../lib/secrets/redaction.ts";
import { memoryStorage } from "../../lib/storage/memory.ts";
import type { Storage } from "../../lib/storage/storage.ts";

/** A machine with a clock that may be wrong; `elapsed` is the time that nobody sets, shared by all machines of a test. */
export interface Machine {
  readonly context: LeaseContext;
  readonly lines: string[];
  /** How far its clock is ahead. */
  aheadMs: number;
}

/** Several machines before one storage, in a time that goes on only by waiting and by `pass`. */
export function aCluster(storage: Storage = memoryStorage()) {
  let time = 0;
  const meanwhile: (() => Promise<void>)[] = [];
  const start = Date.parse("2026-11-26T03:00:00Z");

  /** What others do each second goes on while time passes. */
  async function pass(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= 1_000) {
      time += Math.min(left, 1_000);
      for (const each of meanwhile) await each();
      await turn();
    }
  }

  function machine(aheadMs = 0, signal: AbortSignal = new AbortController().signal): Machine {
    const lines: string[] = [];
    const made: Machine = {
      aheadMs,
      lines,
      context: {
        log: createLog({
          format: "text",
          level: "debug",
          redaction: createRedaction(),
          now: () => new Date(start),
          write: (line) => lines.push(line),
        }),
        now: () => new Date(start + time + made.aheadMs),
        signal,
        elapsed: () => time,
        sleep: async (ms, stop) => {
          stop.throwIfAborted();
          await pass(ms);
          stop.throwIfAborted();
        },
      },
    };
    return made;
  }
  return { storage, machine, pass, meanwhile, time: () => time };
}

/** What lies in the storage while another machine runs a job, from `now` on. */
export const aLease = (now: Date): LeaseDocument => ({
  schemaVersion: 1,
  token: "another",
  sequence: 0,
  released: false,
  purpose: "run",
  host: "elsewhere",
  version: "0.1.0",
  acquiredAt: now.toISOString(),
  renewedAt: now.toISOString(),
  expiresAt: new Date(now.getTime() + LEASE_MS).toISOString(),
});
