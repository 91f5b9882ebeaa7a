import assert from "node:assert/strict";
import { collect } from "../../lib/collect.ts";
import { DeferredError } from "../../lib/errors.ts";
import { finish } from "../../lib/finish.ts";
import { plan } from "../../lib/plan.ts";
import { readPlan } from "../../lib/plan-line.ts";
import { verify } from "../../lib/verify.ts";
import type { GithubBackup } from "./github-backup.ts";
import type { GithubServer } from "./github-server.ts";

/** A run of steps in functions, with so many requests an hour. Answers the hours that it took; one that fails leaves its snapshot, too. */
export async function runWithin(
  backup: GithubBackup,
  server: GithubServer,
  perHour: number,
  each?: () => void | Promise<void>,
) {
  const { a, inFunction } = backup;
  let left = perHour;
  const others = server.fault;
  server.fault = (...asked) => {
    left -= 1;
    if (left >= 0) return others(...asked);
    const reset = String(Math.ceil(a.clock.time.getTime() / 1000) + 3600);
    const headers = { "x-ratelimit-remaining": "0", "x-ratelimit-reset": reset };
    return { status: 403, headers, body: { message: "API rate limit exceeded" } };
  };
  const pointer = await plan(await inFunction(), { job: "docs", resume: "never" });
  const [unit] = await Array.fromAsync(readPlan(a.storage, pointer));
  assert.ok(unit);
  for (let hours = 1; hours < 20; hours += 1) {
    try {
      const record = await collect(await inFunction(), { ...pointer, unit });
      server.fault = others;
      const manifest = await finish(await inFunction(), pointer);
      a.later(60_000);
      const { ok } = await verify(await inFunction(), { job: "docs", snapshot: pointer.snapshot, mode: "policy" });
      assert.equal(record.error, undefined, record.error?.message);
      assert.ok(ok);
      return { manifest, snapshot: pointer.snapshot, hours };
    } catch (error) {
      if (!(error instanceof DeferredError)) throw error;
      await each?.();
      left = perHour;
      a.later(3_700);
    }
  }
  throw new Error("it does not end");
}
