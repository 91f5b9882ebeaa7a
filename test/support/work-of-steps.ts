import assert from "node:assert/strict";
import { once } from "node:events";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import type { Backup } from "../../lib/backup.ts";
import type { Bytes } from "../../lib/bytes.ts";
import { endRun } from "../../lib/end-run.ts";
import { beginRun, collectStep, finishStep, pruneStep, type StepPointer } from "../../lib/function-steps.ts";
import { concludeStep, verifyPartStep, verifyStep } from "../../lib/function-verify.ts";
import { readPlan } from "../../lib/plan-line.ts";
import { memoryStorage } from "../../lib/storage/memory.ts";
import type { Storage } from "../../lib/storage/storage.ts";
import { aBackup, aJob } from "./a-backup.ts";

/** What the storage had to do. */
export interface Work {
  readonly calls: number;
  /** Without those of verifying. */
  readonly bytes: number;
  /** Of each call that verifies, on average: it reads the manifest, however little of it is its part. */
  readonly bytesVerifying: number;
}

/**
 * What all steps of a run of so many units ask of the storage, and the plan of the next run, which knows it. They run on a thread
 * with a heap of so many MiB, and with all that they store in its memory as well: one that needs more rejects.
 */
export async function workOfSteps(units: number, maxHeap: number): Promise<Work> {
  const worker = new Worker(new URL(import.meta.url), {
    workerData: units,
    resourceLimits: { maxOldGenerationSizeMb: maxHeap },
  });
  const [work] = await once(worker, "message");
  await once(worker, "exit");
  return work;
}

async function run(count: number): Promise<Work> {
  const work = { calls: 0, bytes: 0 };
  const units = Array.from({ length: count }, (_, n) => ({ id: `r-${n}`, items: { "a.json": `${n}` } }));
  const jobs = [aJob({ compression: { type: "none", level: 0 } })];
  const { backup, storage, later, lines, events } = aBackup({ units: () => units, jobs, storage: counting(work) });
  lines.push = () => 0;
  events.push = () => 0;
  const { pointer } = await beginRun(backup, { job: "docs", only: undefined });
  for await (const line of readPlan(storage, pointer)) await collectStep(backup, pointer, line, backup.config);
  const finished = await finishStep(backup, pointer);
  assert.deepEqual([finished.status, finished.totals.ok], ["ok", count]);
  const before = work.bytes;
  const calls = await verifyAll(backup, pointer);
  const verifying = work.bytes - before;
  const { removed } = await pruneStep(backup, pointer);
  await endRun(backup, { outcome: finished, pointer, removed });
  later(60);
  assert.equal((await beginRun(backup, { job: "docs", only: undefined })).units, count);
  return { calls: work.calls, bytes: work.bytes - verifying, bytesVerifying: verifying / calls };
}

/** Answers in how many calls. */
async function verifyAll(backup: Backup, pointer: StepPointer): Promise<number> {
  const verified = await verifyStep(backup, pointer);
  if ("verified" in verified) return 1;
  for (let n = 0; n < verified.parts; n += 1) await verifyPartStep(backup, pointer, { n, compute: "lambda" });
  assert.ok("verified" in (await concludeStep(backup, pointer, 0)));
  return verified.parts + 2;
}

function counting(work: { calls: number; bytes: number }): Storage {
  const inner = memoryStorage();
  async function* counted(bytes: Bytes): Bytes {
    for await (const piece of bytes) {
      work.bytes += piece.byteLength;
      yield piece;
    }
  }
  const storage: Storage = {
    ...inner,
    put: (key, body, options) => inner.put(key, counted(body), options),
    get: async (key) => counted(await inner.get(key)),
    async read(key, maxBytes) {
      const found = await inner.read(key, maxBytes);
      work.bytes += found.content.byteLength;
      return found;
    },
  };
  return new Proxy(storage, {
    get(target, name, receiver) {
      const value: unknown = Reflect.get(target, name, receiver);
      if (typeof value !== "function") return value;
      return (...args: unknown[]) => {
        work.calls += 1;
        return Reflect.apply(value, target, args);
      };
    },
  });
}

if (!isMainThread) parentPort?.postMessage(await run(workerData));
