import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { collect } from "../../lib/collect.ts";
import { type Account, freshLimits } from "../../lib/connectors/github/account.ts";
import { budgetOf } from "../../lib/connectors/github/budget.ts";
import { gateOf } from "../../lib/connectors/github/gate.ts";
import { openSession } from "../../lib/connectors/github/session.ts";
import { DeferredError } from "../../lib/errors.ts";
import { finish } from "../../lib/finish.ts";
import type { Manifest } from "../../lib/manifest.ts";
import { plan } from "../../lib/plan.ts";
import { readPlan } from "../../lib/plan-line.ts";
import { verify } from "../../lib/verify.ts";
import { aGitFolder, fastImport } from "../support/git-repository.ts";
import { type GithubBackup, githubBackup } from "../support/github-backup.ts";
import { addRepository, at } from "../support/github-organization.ts";
import { type GithubServer, type Json, startGithub } from "../support/github-server.ts";

/** A run of steps whose one unit GitHub makes wait at its releases, when all before them is stored. */
async function runThatWaits(
  { a, inFunction }: GithubBackup,
  server: GithubServer,
  meanwhile: () => Promise<void>,
): Promise<{ manifest: Manifest; snapshot: string }> {
  const pointer = await plan(await inFunction(), { job: "docs", resume: "never" });
  const [unit] = await Array.fromAsync(readPlan(a.storage, pointer));
  assert.ok(unit);
  const limited = { status: 403, headers: { "retry-after": "3600" }, body: { message: "slow down" } };
  server.fault = (path) => (path.endsWith("/releases") ? limited : undefined);
  await assert.rejects(collect(await inFunction(), { ...pointer, unit }), DeferredError);
  server.fault = () => undefined;
  await meanwhile();
  a.later(3601);
  const record = await collect(await inFunction(), { ...pointer, unit });
  assert.equal(record.error, undefined);
  const manifest = await finish(await inFunction(), pointer);
  const { ok } = await verify(await inFunction(), { job: "docs", snapshot: pointer.snapshot, mode: "policy" });
  assert.ok(ok);
  a.later(80_000);
  return { manifest, snapshot: pointer.snapshot };
}

const listOf = (server: GithubServer, path: string): Json[] => server.lists.get(path) ?? [];

async function change(server: GithubServer, root: string, path: string, what: string, minutes: number) {
  for (const list of ["issues", "pulls"]) {
    const items = listOf(server, `${path}/${list}`);
    const last = items.length - 1;
    items[last] = { ...items[last], title: what, updated_at: at(minutes) };
    // The newest of last time is read once more in any case.
    items[0] = { ...items[0], updated_at: at(minutes + 1) };
  }
  listOf(server, `${path}/labels`).push({ id: minutes, name: what });
  await fastImport(join(root, "my-org/app.git"), [
    `commit refs/heads/${what}\ncommitter A <a@example.org> 1800000000 +0000\ndata 1\nx\nM 100644 inline new.txt\ndata 1\ny\n`,
  ]);
}

for (const isFirst of [true, false]) {
  const which = isFirst ? "the first run's" : "a later run's";
  test(`what changed while ${which} unit waited in the middle is in the next snapshot`, async () => {
    await using folder = await aGitFolder();
    await using server = await startGithub(folder.path);
    const path = await addRepository(server, "app", { id: 42, root: folder.path, issues: 120, pulls: 2 });
    const backup = githubBackup(server, { skip: ["wiki", "lfs", "assets"] });
    if (!isFirst) {
      await backup.run();
      await change(server, folder.path, path, "before", 80_000);
    }
    const waited = await runThatWaits(backup, server, () => change(server, folder.path, path, "meanwhile", 90_000));
    const has = async (result: Parameters<GithubBackup["stored"]>[0], kind: string) =>
      (await backup.stored(result, "my-org/app", kind))?.some(
        ({ title, name }) => title === "meanwhile" || name === "meanwhile",
      );
    const kinds = ["issues", "pulls", "labels"];
    // What was stored stays as it was read then.
    assert.deepEqual(await Promise.all(kinds.map((kind) => has(waited, kind))), [false, false, false]);
    const next = await backup.run();
    assert.equal(next.status, "ok");
    assert.deepEqual(await Promise.all(kinds.map((kind) => has(next, kind))), [true, true, true]);
    const made = next.manifest?.units[0]?.artifacts.filter(({ reusedFrom }) => reusedFrom === undefined);
    assert.ok(made?.some((artifact) => artifact.path.endsWith("/repository.bundle")));
    assert.equal((await backup.run()).manifest?.units[0]?.status, "unchanged");
  });
}

test("a request that waits for others to end is not sent any more when they used up the limit", async () => {
  await using server = await startGithub("/nonexistent");
  const now = new Date("2026-11-22T03:00:00Z");
  const reset = String(now.getTime() / 1000 + 600);
  server.fault = () => ({
    status: 200,
    headers: { "x-ratelimit-remaining": "0", "x-ratelimit-reset": reset },
    body: {},
  });
  server.anyToken = true;
  const account: Account = {
    name: "token",
    authorization: async () => "Bearer t",
    basic: async () => "Basic t",
    renew: () => false,
    madeAt: () => undefined,
    limits: freshLimits(),
  };
  const api = { url: server.apiUrl, accounts: [account], gate: gateOf(1), budget: budgetOf(undefined), now: () => now };
  const session = openSession(api, "unit", {
    signal: new AbortController().signal,
    defer: async (until, why) => {
      throw new DeferredError(until, why);
    },
  });
  const [first, second] = await Promise.allSettled([session.get("/one"), session.get("/two")]);
  assert.deepEqual([first.status, second.status], ["fulfilled", "rejected"]);
  assert.deepEqual(
    server.requests.map(({ path }) => path),
    ["/one"],
  );
});
