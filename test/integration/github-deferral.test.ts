import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { bytesOf, readAll } from "../../lib/bytes.ts";
import { collect } from "../../lib/collect.ts";
import { budgetOf } from "../../lib/connectors/github/budget.ts";
import { gateOf } from "../../lib/connectors/github/gate.ts";
import { openSession } from "../../lib/connectors/github/session.ts";
import { openEncryption } from "../../lib/encryption/all.ts";
import { DeferredError } from "../../lib/errors.ts";
import { finish } from "../../lib/finish.ts";
import type { Manifest } from "../../lib/manifest.ts";
import { plan } from "../../lib/plan.ts";
import { readPlan } from "../../lib/plan-line.ts";
import { sealed } from "../../lib/seal.ts";
import { verify } from "../../lib/verify.ts";
import { aBackup } from "../support/a-backup.ts";
import { aGitFolder, fastImport } from "../support/git-repository.ts";
import { aGithubAccount } from "../support/github-account.ts";
import { type GithubBackup, githubBackup, storedParts } from "../support/github-backup.ts";
import { answerGraphql } from "../support/github-graphql.ts";
import { addRepository, at } from "../support/github-organization.ts";
import { noGithubPeers } from "../support/github-peers.ts";
import { type GithubServer, type Json, startGithub } from "../support/github-server.ts";
import { runWithin } from "../support/run-within.ts";

const RECIPIENT = "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj";
const NO_SECRETS = {
  secrets: { resolve: () => Promise.reject(new Error("no secret is needed")) },
  signal: new AbortController().signal,
};

/** One account, and one request at a time. */
const apiOf = ({ apiUrl }: GithubServer, now: () => Date) => ({
  url: apiUrl,
  accounts: [aGithubAccount()],
  gate: gateOf(1),
  budget: budgetOf(undefined),
  now,
});

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
  assert.equal(record.error, undefined, record.error?.message);
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

const REVIEWS = { skip: ["all"], include: ["pull_reviews"] };

/** All parts of the reviews, as they are stored. */
async function reviews(
  backup: GithubBackup,
  result: Parameters<GithubBackup["stored"]>[0],
): Promise<readonly string[]> {
  const stored = await storedParts(backup, result, "my-org/app", "pull_reviews");
  return stored.flatMap(({ of, items }) =>
    (Array.isArray(items) ? items : []).map((item) => `${Number(of)}: ${String(Object(item).body)}`),
  );
}

async function aWorldOfPulls(count: number) {
  const server = await startGithub("/nonexistent");
  const path = await addRepository(server, "app", { id: 42, issues: 0, pulls: count });
  // Every second one has none, which is found out by a request, too.
  for (let n = 2; n <= count; n += 2) server.lists.set(`${path}/pulls/${n}/reviews`, []);
  return { server, path, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

for (const isSealed of [false, true]) {
  const where = isSealed ? ", also where what is stored is sealed to us" : "";
  test(`a kind of more requests than an hour has goes on where it stopped, and ends with each line once${where}`, async () => {
    await using world = await aWorldOfPulls(30);
    const { server, path } = world;
    const encryption = isSealed
      ? await openEncryption({ type: "age", recipients: [RECIPIENT] }, NO_SECRETS)
      : undefined;
    const backup = githubBackup(server, REVIEWS, aBackup({ encryption: () => encryption }));
    const asked = () => server.requests.filter((one) => one.path.endsWith("/reviews") && one.status === 200).length;
    const first = await runWithin(backup, server, 12);
    assert.ok(first.hours >= 3 && first.hours <= 8, `${first.hours} hours`);
    // The one that is asked about to see whether there is anything is all that is asked twice.
    assert.ok(asked() <= 30 + first.hours, `${asked()} requests`);
    const names = first.manifest.units[0]?.artifacts.map(({ path: name }) => name.split("/").at(-1)?.split(".")[0]);
    assert.deepEqual(
      names?.filter((name) => name?.startsWith("pull_reviews")),
      Array.from({ length: first.hours }, (_, n) => (n === 0 ? "pull_reviews" : `pull_reviews-${n + 1}`)),
    );
    if (isSealed) {
      const objects = first.manifest.units[0]?.artifacts.filter(({ path: name }) => name.includes("pull_reviews"));
      assert.equal(
        objects?.reduce((sum, { facts }) => sum + Number(facts.objects), 0),
        15,
      );
      return;
    }
    const numbers = Array.from({ length: 15 }, (_, n) => n * 2 + 1);
    assert.deepEqual(
      await reviews(backup, first),
      numbers.map((n) => `${n}: good`),
    );
    // The next run makes one artifact of them, and asks about what changed alone.
    const before = asked();
    const pulls = listOf(server, `${path}/pulls`);
    const last = pulls.length - 1;
    pulls[last] = { ...pulls[last], updated_at: at(90_000) };
    server.lists.set(`${path}/pulls/30/reviews`, [{ id: 7, body: "late" }]);
    const next = await backup.run();
    assert.equal(next.status, "ok");
    assert.deepEqual(
      (await reviews(backup, next)).toSorted(),
      [...numbers.map((n) => `${n}: good`), "30: late"].toSorted(),
    );
    assert.ok(asked() - before <= 2, `${asked() - before} requests`);
    assert.equal((await backup.run()).manifest?.units[0]?.status, "unchanged");
  });
}

test("a part whose first one is lost while the unit waits is not joined to what is read in its place", async () => {
  await using world = await aWorldOfPulls(30);
  const backup = githubBackup(world.server, REVIEWS);
  const { storage } = backup.a;
  let hours = 0;
  const result = await runWithin(backup, world.server, 12, async () => {
    hours += 1;
    if (hours !== 2) return;
    for await (const { key } of storage.list("docs/")) {
      if (!/\/units\/\d+\.json$/.test(key)) continue;
      const text = Buffer.from(await readAll(await storage.get(key), 1e6)).toString();
      const { seal: _, ...record } = JSON.parse(text);
      const isFirst = ({ path }: { path: string }) => path.includes("/pull_reviews.json");
      assert.equal(record.artifacts.filter(isFirst).length, 1);
      const artifacts = record.artifacts.filter((one: { path: string }) => !isFirst(one));
      await storage.put(key, bytesOf(`${JSON.stringify(sealed({ ...record, artifacts }), null, 2)}\n`));
    }
  });
  assert.ok(hours > 3, `${hours} waits`);
  const numbers = Array.from({ length: 15 }, (_, n) => n * 2 + 1);
  assert.deepEqual(
    await reviews(backup, result),
    numbers.map((n) => `${n}: good`),
  );
  const parts = result.manifest.units[0]?.artifacts.filter(({ path }) => path.includes("/pull_reviews"));
  assert.equal(new Set(parts?.map(({ facts }) => facts.listing)).size, 1);
});

test("pull requests that change while a later run waits keep their reviews", async () => {
  await using world = await aWorldOfPulls(30);
  const { server, path } = world;
  const backup = githubBackup(server, REVIEWS);
  assert.equal((await backup.run()).status, "ok");
  const pulls = listOf(server, `${path}/pulls`);
  const touch = (numbers: readonly number[], minutes: number) => {
    for (const [n, pull] of pulls.entries())
      if (numbers.includes(Number(pull.number))) pulls[n] = { ...pull, updated_at: at(minutes + Number(pull.number)) };
  };
  // All but those that are not touched before the wait.
  const all = pulls.map(({ number }) => Number(number)).filter((number) => number !== 3 && number !== 4);
  touch(all, 80_000);
  server.lists.set(`${path}/pulls/5/reviews`, []);
  let isFirst = true;
  const second = await runWithin(backup, server, 12, () => {
    if (isFirst) touch([3, 4], 90_000);
    isFirst = false;
  });
  assert.ok(second.hours > 1);
  const numbers = Array.from({ length: 15 }, (_, n) => n * 2 + 1).filter((number) => number !== 5);
  assert.deepEqual((await reviews(backup, second)).toSorted(), numbers.map((n) => `${n}: good`).toSorted());
});

/** What environments are called; the first few, and every third one, have no variables, which is found out by a request, too. */
const called = (n: number) => `stage-${String(n).padStart(2, "0")}`;
const hasNone = (n: number) => n <= 14 || n % 3 === 0;

async function aWorldOfEnvironments(count: number) {
  const server = await startGithub("/nonexistent");
  const path = await addRepository(server, "app", { id: 42, issues: 0, pulls: 0 });
  const numbers = Array.from({ length: count }, (_, n) => n + 1);
  server.keys.set(`${path}/environments`, "environments");
  // Listed in another order than they are asked about.
  server.lists.set(
    `${path}/environments`,
    numbers.toReversed().map((n) => ({ id: n, name: called(n) })),
  );
  for (const n of numbers) {
    server.keys.set(`${path}/environments/${called(n)}/variables`, "variables");
    server.lists.set(`${path}/environments/${called(n)}/variables`, hasNone(n) ? [] : [{ name: "A", value: `${n}` }]);
  }
  const asked = () =>
    server.requests.filter((one) => one.path.endsWith("/variables") && one.status === 200).map((one) => one.path);
  return { server, path, asked, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

const VARIABLES = { skip: ["all"], include: ["environment_variables"] };

/** All parts of the variables, as they are stored. */
const variables = (backup: GithubBackup, result: Parameters<GithubBackup["stored"]>[0]): Promise<readonly Json[]> =>
  storedParts(backup, result, "my-org/app", "environment_variables");

for (const isSealed of [false, true]) {
  const where = isSealed ? ", also where what is stored is sealed to us" : "";
  test(`a list with a question for each of its objects goes on where it stopped, and none is asked twice${where}`, async () => {
    await using world = await aWorldOfEnvironments(40);
    const { server, path, asked } = world;
    const encryption = isSealed
      ? await openEncryption({ type: "age", recipients: [RECIPIENT] }, NO_SECRETS)
      : undefined;
    const backup = githubBackup(server, VARIABLES, aBackup({ encryption: () => encryption }));
    const first = await runWithin(backup, server, 12);
    assert.ok(first.hours >= 4, `${first.hours} hours`);
    assert.deepEqual(
      asked(),
      Array.from({ length: 40 }, (_, n) => `${path}/environments/${called(n + 1)}/variables`),
    );
    if (isSealed) {
      const objects = first.manifest.units[0]?.artifacts.filter(({ path: name }) => name.includes("environment_v"));
      assert.equal(
        objects?.reduce((sum, { facts }) => sum + Number(facts.objects), 0),
        17,
      );
      return;
    }
    const undisturbed = githubBackup(server, VARIABLES);
    assert.deepEqual(await variables(backup, first), await variables(undisturbed, await undisturbed.run()));
    // Some of the next night's are gone: of what was read before a wait, and of what was read after it.
    const environments = `${path}/environments`;
    const gone = [16, 40].map(called);
    server.lists.set(
      environments,
      listOf(server, environments).filter(({ name }) => !gone.includes(String(name))),
    );
    const second = await runWithin(backup, server, 12);
    assert.ok(second.hours >= 4, `${second.hours} hours`);
    const tombstones = await backup.stored(second, "my-org/app", "deleted");
    assert.deepEqual(
      tombstones?.map(({ key }) => key),
      gone,
    );
    // With time enough it is one artifact again.
    const third = await backup.run();
    assert.equal(third.status, "ok");
    const names = third.manifest?.units[0]?.artifacts.filter(({ path: name }) => name.includes("environment_v"));
    assert.equal(names?.length, 1);
    assert.deepEqual(await variables(backup, third), await variables(backup, second));
    assert.equal((await backup.run()).manifest?.units[0]?.status, "unchanged");
  });
}

test("what was stored before a wait is not asked for again, nor swept the next night", async () => {
  await using server = await startGithub("/nonexistent");
  const path = await addRepository(server, "app", { id: 42, issues: 120, pulls: 2 });
  const backup = githubBackup(server, { skip: ["git", "wiki", "lfs", "submodules"] });
  const stored = ["issues", "issues/comments", "issues/events", "labels", "pulls", "pulls/121/reviews"];
  const asked = () => {
    const paths = server.requests.splice(0).map((one) => one.path.replace(`${path}/`, ""));
    return stored.map((name) => paths.filter((one) => one === name).length);
  };
  let before: readonly number[] = [];
  const waited = await runThatWaits(backup, server, async () => {
    before = asked();
    listOf(server, `${path}/labels`).push({ id: 1, name: "meanwhile" });
  });
  assert.ok(
    before.every((count) => count > 0),
    before.join(),
  );
  assert.deepEqual(asked(), [0, 0, 0, 0, 0, 0]);
  assert.equal((await backup.stored(waited, "my-org/app", "issues"))?.length, 122);
  assert.equal((await backup.run()).status, "ok");
  const swept = server.requests.filter(({ query }) => query.get("sort") === "created");
  assert.deepEqual(swept, []);
  assert.equal(asked()[5], 0, "reviews of what did not change");
});

test("what is gone is told whichever side of a wait it was missed on, and where its kind went on in another part", async () => {
  await using world = await aWorldOfPulls(30);
  const { server, path } = world;
  const backup = githubBackup(server, { skip: ["all"], include: ["labels", "pull_reviews"], full_every: "1h" });
  assert.equal((await backup.run()).status, "ok");
  server.lists.set(`${path}/labels`, [{ id: 7, name: "other" }]);
  server.lists.set(`${path}/pulls`, listOf(server, `${path}/pulls`).slice(1));
  // All that is left of the reviews is in the first part.
  const gone = Array.from({ length: 13 }, (_, n) => n * 2 + 5);
  for (const number of gone) server.lists.set(`${path}/pulls/${number}/reviews`, []);
  const result = await runWithin(backup, server, 14);
  assert.ok(result.hours > 2, `${result.hours} hours`);
  const deleted = (await backup.stored(result, "my-org/app", "deleted")) ?? [];
  assert.deepEqual(
    deleted.map(({ kind, key }) => `${kind} ${key}`).toSorted(),
    ["labels 420", "pulls 42001", "pull_reviews 1", ...gone.map((n) => `pull_reviews ${n}/${42_000 + n}`)].toSorted(),
  );
  assert.deepEqual(await reviews(backup, result), ["3: good"]);
});

test("what was counted before a wait is not held to what GitHub counts after it", { skip: noGithubPeers }, async () => {
  await using server = await startGithub("/nonexistent");
  const path = await addRepository(server, "app", { id: 42, issues: 3, pulls: 0 });
  answerGraphql(server);
  const issues = `${path}/issues`;
  const answer = server.graphql;
  // One is deleted between the listing and the reading, and another one made in the wait.
  server.graphql = async (body) => {
    const reply = await answer?.(body);
    server.lists.set(issues, listOf(server, issues).slice(0, 2));
    server.graphql = answer;
    return reply ?? { status: 500 };
  };
  const backup = githubBackup(server, { skip: ["all"], include: ["issues", "releases"] });
  const waited = await runThatWaits(backup, server, async () => {
    const [first] = listOf(server, issues);
    listOf(server, issues).push({ ...first, id: 7, number: 7, updated_at: at(90_000) });
  });
  assert.equal((await backup.stored(waited, "my-org/app", "issues"))?.length, 2);
});

for (const kind of ["issues", "labels"])
  for (const isSealed of [false, true]) {
    const where = isSealed ? ", also where what is stored is sealed to us" : "";
    test(`${kind} with a hole that was found before a wait are read once more after it${where}`, {
      skip: noGithubPeers,
    }, async () => {
      for (const stays of [false, true]) {
        await using server = await startGithub("/nonexistent");
        const path = `${await addRepository(server, "app", { id: 42, issues: 3, pulls: 0 })}/${kind}`;
        if (kind === "labels")
          server.lists.set(
            path,
            ["a", "b", "c"].map((name, n) => ({ id: n + 1, name, color: "ff0000" })),
          );
        answerGraphql(server);
        const all = listOf(server, path);
        const answer = server.graphql;
        // It counts three, and lists two.
        server.graphql = async (body) => {
          server.lists.set(path, all);
          const reply = await answer?.(body);
          server.lists.set(path, all.slice(0, 2));
          return reply ?? { status: 500 };
        };
        const encryption = isSealed
          ? await openEncryption({ type: "age", recipients: [RECIPIENT] }, NO_SECRETS)
          : undefined;
        const options = { skip: ["all"], include: [kind, "issue_reactions", "releases"] };
        const backup = githubBackup(server, options, aBackup({ encryption: () => encryption }));
        const run = runThatWaits(backup, server, async () => {
          if (stays) return;
          server.graphql = answer;
          server.lists.set(path, all);
        });
        if (stays) {
          await assert.rejects(run, new RegExp(`GitHub lists 2 of the 3 ${kind} that it counts`));
          continue;
        }
        const artifacts = (await run).manifest.units[0]?.artifacts.filter((one) => one.path.includes(`/${kind}.json`));
        assert.deepEqual(
          artifacts?.map(({ facts }) => facts.lines),
          [3],
        );
      }
    });
  }

test("kinds that have nothing are asked about once, whatever has to be waited for after them", async () => {
  for (const perHour of [13, 15, 17]) {
    await using world = await aWorldOfPulls(8);
    const { server, path } = world;
    for (const below of ["reviews", "commits"])
      for (let n = 1; n <= 8; n += 1) server.lists.set(`${path}/pulls/${n}/${below}`, []);
    const backup = githubBackup(server, { skip: ["all"], include: ["pull_reviews", "pull_commits"] });
    const result = await runWithin(backup, server, perHour);
    assert.ok(result.hours > 1);
    const asked = (below: string) =>
      server.requests.filter((one) => one.path.endsWith(`/${below}`) && one.status === 200).length;
    assert.deepEqual([asked("reviews"), asked("commits")], [8, 8], `${perHour} requests an hour`);
    assert.equal((await backup.run()).status, "ok");
  }
});

for (const where of ["/orgs/my-org/repos", "/rate_limit"]) {
  test(`a function that may not ask ${where} yet ends with the moment when it may, and has stored nothing`, async () => {
    await using folder = await aGitFolder();
    await using server = await startGithub(folder.path);
    await addRepository(server, "app", { id: 42, root: folder.path });
    const { a, inFunction } = githubBackup(server, { skip: ["wiki", "lfs", "assets"] });
    const limited = { status: 403, headers: { "retry-after": "3600" }, body: { message: "slow down" } };
    server.fault = (path) => (path.startsWith(where) ? limited : undefined);
    const input = { job: "docs", resume: "never" } as const;
    await assert.rejects(plan(await inFunction(), input), (error) => {
      assert.ok(error instanceof DeferredError);
      assert.ok(error.until.getTime() >= a.clock.time.getTime() + 3_600_000);
      return true;
    });
    assert.deepEqual(await Array.fromAsync(a.storage.list("docs/")), []);
    server.fault = () => undefined;
    a.later(3_601);
    assert.equal((await plan(await inFunction(), input)).units, 1);
  });
}

test("a 403 that names no moment is waited out for a minute, then for two, and a limit that is used up until it resets", async () => {
  await using server = await startGithub("/nonexistent");
  let nowMs = Date.parse("2026-11-22T03:00:00Z");
  const tooFast = { status: 403, body: { message: "You have exceeded a secondary rate limit." } };
  const usedUp = {
    status: 403,
    headers: { "x-ratelimit-remaining": "0", "x-ratelimit-reset": String(nowMs / 1000 + 1_000) },
    body: { message: "API rate limit exceeded" },
  };
  const faults = [tooFast, tooFast, usedUp];
  server.fault = () => faults.shift() ?? { status: 200, body: { it: "is" } };
  server.anyToken = true;
  const waits: number[] = [];
  const session = openSession(
    apiOf(server, () => new Date(nowMs)),
    "unit",
    {
      signal: new AbortController().signal,
      defer: async (until) => {
        waits.push((until.getTime() - nowMs) / 1000);
        nowMs = until.getTime();
      },
    },
  );
  assert.deepEqual((await session.get("/one")).json, { it: "is" });
  // 180 of the thousand seconds are over by then; GitHub's clock counts whole ones.
  assert.deepEqual(waits, [60, 120, 821]);
  assert.equal(server.requests.length, 4);
});

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
  const session = openSession(
    apiOf(server, () => now),
    "unit",
    {
      signal: new AbortController().signal,
      defer: async (until, why) => {
        throw new DeferredError(until, why);
      },
    },
  );
  const [first, second] = await Promise.allSettled([session.get("/one"), session.get("/two")]);
  assert.deepEqual([first.status, second.status], ["fulfilled", "rejected"]);
  assert.deepEqual(
    server.requests.map(({ path }) => path),
    ["/one"],
  );
});
