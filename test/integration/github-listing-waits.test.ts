import assert from "node:assert/strict";
import { test } from "node:test";
import { DeferredError } from "../../lib/errors.ts";
import { type Planned, plan } from "../../lib/plan.ts";
import { type PlanLine, readPlan } from "../../lib/plan-line.ts";
import { type GithubBackup, githubBackup } from "../support/github-backup.ts";
import { type GithubServer, type Json, startGithub } from "../support/github-server.ts";

const LIST = "/orgs/my-org/repos";
const OPTIONS = { skip: ["all"], include: ["labels"] };

const aRepositoryObject = (id: number): Json => ({
  ...{ id, name: `r-${id}`, full_name: `my-org/r-${id}`, owner: { login: "my-org" } },
  ...{ private: true, visibility: "private", archived: false, fork: false, size: 1 },
});

/** An organization with so many repositories. */
async function aWorld(count: number, options: Readonly<Record<string, unknown>> = {}) {
  const server = await startGithub("/nonexistent");
  const repositories = Array.from({ length: count }, (_, n) => aRepositoryObject(n + 1));
  server.lists.set(LIST, repositories);
  for (const one of repositories) server.objects.set(`/repos/my-org/${String(one.name)}`, one);
  const backup = githubBackup(server, { ...OPTIONS, ...options });
  return { server, backup, repositories, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

interface PlannedInParts {
  readonly planned: Planned;
  readonly lines: readonly PlanLine[];
  readonly hours: number;
}

/** Plans in functions, as one execution, with so many requests an hour. */
async function planWithin(
  { a, inFunction }: GithubBackup,
  server: GithubServer,
  perHour: number,
  {
    each = () => {},
    only,
    seconds = 0,
  }: {
    readonly each?: (hours: number) => void;
    readonly only?: readonly string[];
    /** That a request takes. */
    readonly seconds?: number;
  } = {},
): Promise<PlannedInParts> {
  let left = perHour;
  server.fault = (path) => {
    if (path === "/rate_limit") return undefined;
    left -= 1;
    a.later(seconds);
    if (left >= 0) return undefined;
    const reset = String(Math.ceil(a.clock.time.getTime() / 1000) + 3600);
    const headers = { "x-ratelimit-remaining": "0", "x-ratelimit-reset": reset };
    return { status: 403, headers, body: { message: "API rate limit exceeded" } };
  };
  for (let hours = 1; hours < 40; hours += 1) {
    try {
      const planned = await plan(await inFunction(), { job: "docs", resume: "within", execution: "arn:one", only });
      server.fault = () => undefined;
      return { planned, lines: await Array.fromAsync(readPlan(a.storage, planned)), hours };
    } catch (error) {
      if (!(error instanceof DeferredError)) throw error;
      each(hours);
      left = perHour;
      a.later(3_700);
    }
  }
  throw new Error("it does not end");
}

const namesOf = (lines: readonly PlanLine[]): readonly string[] => lines.map(({ id }) => id).sort();

test("a listing of more requests than an hour has goes on where it stopped, and each repository is planned once", async () => {
  await using world = await aWorld(950);
  const { server, backup, repositories } = world;
  const { planned, lines, hours } = await planWithin(backup, server, 6);
  assert.ok(hours >= 3, `${hours} hours`);
  assert.deepEqual(namesOf(lines), repositories.map((one) => String(one.full_name)).sort());
  assert.deepEqual(
    lines.map(({ n, run }) => [n, run]),
    lines.map((_, n) => [n, planned.run]),
  );
  const pages = server.requests.filter(
    ({ path, status, etag }) => path === LIST && status === 200 && etag === undefined,
  );
  const asked = Map.groupBy(pages, ({ query }) => query.get("page") ?? "1");
  assert.ok(
    [...asked.values()].every(({ length }) => length <= 2),
    JSON.stringify([...asked].map(([page, all]) => [page, all.length])),
  );
  // What was listed in parts is what another execution lists at once.
  backup.a.later(60);
  const other = await plan(await backup.inFunction(), { job: "docs", resume: "never", execution: "arn:two" });
  assert.equal(other.units, planned.units);
});

test("repositories that go and come in each wait are no reason for another to be passed over or planned twice", async () => {
  await using world = await aWorld(950);
  const { server, backup } = world;
  const { lines, hours } = await planWithin(backup, server, 6, {
    each(hours) {
      if (hours > 3) return;
      const list = server.lists.get(LIST) ?? [];
      server.lists.set(LIST, [aRepositoryObject(10_000 + hours), ...list.slice(0, 20), ...list.slice(150)]);
    },
  });
  assert.ok(hours >= 3, `${hours} hours`);
  const names = namesOf(lines);
  assert.equal(new Set(names).size, names.length);
  const staying = (server.lists.get(LIST) ?? []).filter(({ id }) => Number(id) < 10_000);
  assert.deepEqual(
    staying.map((one) => String(one.full_name)).filter((name) => !names.includes(name)),
    [],
  );
});

test("repositories that the configuration names are each asked for once, those that are not there too", async () => {
  const repositories = Array.from({ length: 30 }, (_, n) => `r-${n + 1}`);
  await using world = await aWorld(25, { repositories });
  const { server, backup } = world;
  const { lines, hours } = await planWithin(backup, server, 8);
  assert.ok(hours >= 4, `${hours} hours`);
  assert.deepEqual(namesOf(lines), repositories.map((name) => `my-org/${name}`).sort());
  assert.equal(lines.filter(({ input }) => input.subject === "missing").length, 5);
  const asked = server.requests.filter(({ path, status }) => path.startsWith("/repos/my-org/r-") && status !== 403);
  assert.equal(asked.length, 30);
});

test("names that are more than fit into a function's time are asked for in several, each once", async () => {
  const repositories = Array.from({ length: 30 }, (_, n) => `r-${n + 1}`);
  await using world = await aWorld(30, { repositories });
  const { server, backup } = world;
  const { lines, hours } = await planWithin(backup, server, 1_000, { seconds: 40 });
  assert.ok(hours >= 2, `${hours} hours`);
  assert.deepEqual(namesOf(lines), repositories.map((name) => `my-org/${name}`).sort());
  assert.equal(server.requests.filter(({ path }) => path.startsWith("/repos/my-org/r-")).length, 30);
});

test("a name that passes to another repository in a wait is one of two units", async () => {
  await using world = await aWorld(950);
  const { server, backup } = world;
  const { lines } = await planWithin(backup, server, 6, {
    each(hours) {
      if (hours > 1) return;
      const [, ...others] = server.lists.get(LIST) ?? [];
      server.lists.set(LIST, [...others, { ...aRepositoryObject(1), id: 20_000 }]);
    },
  });
  assert.equal(lines.length, 951);
  assert.deepEqual(
    lines.filter(({ id }) => /^my-org\/r-1(@|$)/.test(id)).map(({ id, identity }) => [id, identity]),
    [
      ["my-org/r-1", "repository:1"],
      ["my-org/r-1@20000", "repository:20000"],
    ],
  );
});

test("what was deleted in a wait does not stand for what is hidden: GitHub's count tells nothing of a list that was read over a wait", async () => {
  await using world = await aWorld(40);
  const { server, backup } = world;
  for (let id = 1; id <= 40; id += 1) server.lists.set(`/repos/my-org/r-${id}/labels`, []);
  assert.equal((await backup.run()).status, "ok");
  server.lists.set(LIST, (server.lists.get(LIST) ?? []).slice(1));
  server.objects.delete("/repos/my-org/r-1");
  for (const isPutOff of [true, false]) {
    server.objects.set("/orgs/my-org", { total_private_repos: 38 });
    const slowDown = { status: 403, headers: { "retry-after": "3600" }, body: { message: "slow down" } };
    server.fault = (path) => (isPutOff && path === "/repositories/1" ? slowDown : undefined);
    const input = { job: "docs", resume: "never", execution: `arn:${isPutOff}` } as const;
    if (isPutOff) await assert.rejects(plan(await backup.inFunction(), input), DeferredError);
    server.fault = () => undefined;
    backup.a.later(3_700);
    const lines = await Array.fromAsync(readPlan(backup.a.storage, await plan(await backup.inFunction(), input)));
    const absent = lines.filter(({ input: { subject } }) => subject === "absent");
    assert.deepEqual(
      absent.map(({ id }) => id),
      isPutOff ? ["my-org/r-1"] : [],
    );
    if (isPutOff) assert.match(String(absent[0]?.input.why), /was read over a wait/);
  }
});

test("what is not listed any more is asked about once each, over several hours", async () => {
  await using world = await aWorld(40);
  const { server, backup } = world;
  for (let id = 1; id <= 40; id += 1) server.lists.set(`/repos/my-org/r-${id}/labels`, []);
  assert.equal((await backup.run()).status, "ok");
  server.lists.set(LIST, (server.lists.get(LIST) ?? []).slice(20));
  for (let id = 1; id <= 20; id += 1) server.objects.delete(`/repos/my-org/r-${id}`);
  server.requests.length = 0;
  const { lines, hours } = await planWithin(backup, server, 8);
  assert.ok(hours >= 3, `${hours} hours`);
  assert.equal(lines.length, 40);
  assert.equal(lines.filter(({ input }) => input.subject === "absent").length, 20);
  const asked = server.requests.filter(({ path, status }) => path.startsWith("/repositories/") && status !== 403);
  assert.equal(asked.length, 20);
});

test("a narrowed run's listing goes on, too, and another execution's begins anew", async () => {
  await using world = await aWorld(950);
  const { server, backup } = world;
  const { lines } = await planWithin(backup, server, 6, { only: ["my-org/r-1", "my-org/r-94*"] });
  assert.deepEqual(namesOf(lines), [
    "my-org/r-1",
    ...[94, 940, 941, 942, 943, 944, 945, 946, 947, 948, 949].map((n) => `my-org/r-${n}`),
  ]);
  // What no window but the last ones shows, after hours that gave nothing.
  const last = await planWithin(backup, server, 6, { only: ["my-org/r-94?"] });
  assert.equal(last.lines.length, 10);
  server.requests.length = 0;
  let isPutOff = true;
  server.fault = (_, __, query) =>
    isPutOff && query.get("page") === "4"
      ? { status: 403, headers: { "retry-after": "3600" }, body: { message: "slow down" } }
      : undefined;
  const input = { job: "docs", resume: "never" } as const;
  await assert.rejects(plan(await backup.inFunction(), { ...input, execution: "arn:two" }), DeferredError);
  isPutOff = false;
  backup.a.later(3_700);
  server.requests.length = 0;
  await plan(await backup.inFunction(), { ...input, execution: "arn:three" });
  assert.equal(
    server.requests.filter(({ path, query }) => path === LIST && query.get("page") === "2").length > 0,
    true,
  );
});
