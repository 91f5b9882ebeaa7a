import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { discussionQuestions } from "../../lib/connectors/github/discussion-pages.ts";
import { questionOf } from "../../lib/connectors/github/probe.ts";
import { type ProbeField, probeFields } from "../../lib/connectors/github/probe-fields.ts";
import type { JobResult } from "../../lib/run.ts";
import { aGitFolder } from "../support/git-repository.ts";
import { githubBackup, storedParts } from "../support/github-backup.ts";
import { aComment, aDiscussion, answerGraphql, graphqlFaults } from "../support/github-graphql.ts";
import { addRepository, at } from "../support/github-organization.ts";
import { noGithubPeers } from "../support/github-peers.ts";
import { type GithubServer, type Json, startGithub } from "../support/github-server.ts";
import { runWithin } from "../support/run-within.ts";

const SKIP = { skip: noGithubPeers };
const WITHOUT_GIT = { skip: ["git", "wiki", "lfs", "assets"] };

async function aWorld(discussions: readonly Json[] = []) {
  const folder = await aGitFolder();
  const server = await startGithub(folder.path);
  const path = await addRepository(server, "app", { id: 42, issues: 3, pulls: 1, object: { has_discussions: true } });
  const held = new Map([[path, [...discussions]]]);
  answerGraphql(server, held);
  return {
    server,
    path,
    discussions: held.get(path) ?? [],
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

const unitOf = (result: JobResult, id = "my-org/app") => result.manifest?.units.find((unit) => unit.id === id);
const asked = (server: GithubServer): string[] =>
  server.requests.splice(0).map(({ path }) => path.replace("/repos/my-org/app/", ""));

describe("GitHub's published schema", () => {
  for (const [name, question] of Object.entries(discussionQuestions))
    test(`knows what is asked about discussions (${name})`, SKIP, async () => {
      assert.deepEqual(await graphqlFaults(question), []);
    });
  test("knows what is asked about many repositories at once", SKIP, async () => {
    assert.deepEqual(await graphqlFaults(questionOf(Object.keys(probeFields) as ProbeField[])), []);
  });
  test("refuses a field that there is not", SKIP, async () => {
    assert.equal((await graphqlFaults(questionOf(["issues"]).replace("totalCount", "totalCoutn"))).length, 1);
  });
});

describe("one question for many repositories", () => {
  test("spares those about each kind that is as it was, and only those", SKIP, async () => {
    await using world = await aWorld();
    const { server, path } = world;
    const backup = githubBackup(server, WITHOUT_GIT);
    assert.equal((await backup.run()).status, "ok");
    asked(server);
    const second = await backup.run();
    assert.equal(unitOf(second)?.status, "unchanged");
    const spared = ["labels", "milestones", "issues", "issues/comments", "pulls", "releases", "comments", "rulesets"];
    const again = asked(server);
    assert.deepEqual(
      again.filter((one) => spared.includes(one)),
      [],
    );
    assert.ok(!again.includes("/repos/my-org/app"), "it is listed as it was");
    assert.ok(again.includes("issues/events") && again.includes("pulls/comments"));
    assert.equal(again.filter((one) => one === "environments").length, 1, "three kinds begin with it");
    assert.equal(again.filter((one) => one === "/graphql").length, 1);
    server.lists.set(`${path}/labels`, [{ id: 420, name: "bug", color: "00ff00" }]);
    const third = await backup.run();
    const now = asked(server);
    assert.ok(now.includes("labels"));
    assert.ok(!now.includes("issues"));
    assert.equal(now.filter((one) => one === "/repos/my-org/app").length, 1, "whether it is the same one still");
    assert.deepEqual(await backup.stored(third, "my-org/app", "labels"), [{ id: 420, name: "bug", color: "00ff00" }]);
  });

  test("and the list of them show what the repository itself has changed", SKIP, async () => {
    await using world = await aWorld();
    const { server, path } = world;
    const backup = githubBackup(server, WITHOUT_GIT);
    await backup.run();
    const change = (changed: Json) => {
      const object = { ...server.objects.get(path), ...changed };
      server.objects.set(path, object);
      return object;
    };
    // A setting that lists do not have; one that they have alone.
    change({ delete_branch_on_merge: true });
    const [first] = (await backup.stored(await backup.run(), "my-org/app", "repository")) ?? [];
    assert.equal(first?.delete_branch_on_merge, true);
    server.lists.set("/orgs/my-org/repos", [change({ description: "new" })]);
    const [second] = (await backup.stored(await backup.run(), "my-org/app", "repository")) ?? [];
    assert.equal(second?.description, "new");
    // A token for the answer alone is no change.
    server.lists.set("/orgs/my-org/repos", [{ ...server.objects.get(path), temp_clone_token: "A1" }]);
    asked(server);
    assert.equal(unitOf(await backup.run())?.status, "unchanged");
    assert.ok(!asked(server).includes("/repos/my-org/app"));
  });

  test("do not let another repository that took the name pass for the one that was listed", SKIP, async () => {
    await using world = await aWorld();
    const { server, path } = world;
    const backup = githubBackup(server, WITHOUT_GIT);
    await backup.run();
    server.fault = (asked) => {
      if (asked !== "/repos/my-org/app/hooks") return undefined;
      server.objects.set(path, { ...server.objects.get(path), id: 43 });
      return { status: 200, body: [{ id: 1 }] };
    };
    assert.equal(unitOf(await backup.run())?.error?.code, "SOURCE_NOT_FOUND");
  });

  test(
    "spares comments, reviews and events where there are no issues, and properties that are listed",
    SKIP,
    async () => {
      await using world = await aWorld();
      const { server } = world;
      await addRepository(server, "empty", {
        id: 44,
        issues: 0,
        pulls: 0,
        object: { custom_properties: { tier: "1" } },
      });
      const backup = githubBackup(server, WITHOUT_GIT);
      await backup.run();
      asked(server);
      await backup.run();
      const again = server.requests.map(({ path: one }) => one).filter((one) => one.startsWith("/repos/my-org/empty/"));
      const below = again.map((one) => one.slice("/repos/my-org/empty/".length));
      assert.ok(below.includes("hooks"));
      for (const spared of ["issues/comments", "issues/events", "pulls/comments", "properties/values"])
        assert.ok(!below.includes(spared), spared);
      asked(server);
      server.lists.set(
        "/orgs/my-org/repos",
        (server.lists.get("/orgs/my-org/repos") ?? []).map((one) =>
          one.name === "empty" ? { ...one, custom_properties: { tier: "2" } } : one,
        ),
      );
      await backup.run();
      assert.ok(server.requests.some(({ path: one }) => one === "/repos/my-org/empty/properties/values"));
    },
  );

  test("does not keep a sweep from finding what GraphQL does not show", SKIP, async () => {
    await using world = await aWorld();
    const { server, path } = world;
    const backup = githubBackup(server, { ...WITHOUT_GIT, full_every: "3d" });
    await backup.run();
    const issues = server.lists.get(`${path}/issues`) ?? [];
    // Neither the count nor the newest change moves.
    server.lists.set(`${path}/issues`, [{ ...issues[0], body: "edited in silence" }, ...issues.slice(1)]);
    const second = await backup.run();
    assert.notEqual((await backup.stored(second, "my-org/app", "issues"))?.at(-1)?.body, "edited in silence");
    await backup.run();
    const swept = await backup.run();
    const bodies = (await backup.stored(swept, "my-org/app", "issues"))?.map(({ body }) => body);
    assert.ok(bodies?.includes("edited in silence"));
    asked(server);
    const after = await backup.run();
    assert.equal(unitOf(after)?.status, "unchanged");
    assert.ok(!asked(server).includes("issues"), "a sweep is not done anew each night");
  });

  test(
    "counts: a list that is shorter fails, one that something was deleted from meanwhile does not",
    SKIP,
    async () => {
      await using world = await aWorld();
      const { server, path } = world;
      const whole = server.lists.get(`${path}/labels`) ?? [];
      const two = [...whole, { id: 421, name: "second", color: "0000ff" }];
      // GraphQL says two, and REST lists one.
      server.lists.set(`${path}/labels`, two);
      server.fault = (asked) => (asked === `${path}/labels` ? { status: 200, body: whole } : undefined);
      const options = { skip: ["all"], include: ["labels"] };
      const short = await githubBackup(server, options).run();
      assert.equal(unitOf(short)?.error?.code, "SOURCE_INCOMPLETE");
      assert.match(unitOf(short)?.error?.message ?? "", /lists 1 of the 2 labels that it counts/);
      server.fault = (asked) => {
        if (asked === `${path}/labels`) server.lists.set(`${path}/labels`, whole);
        return undefined;
      };
      assert.equal((await githubBackup(server, options).run()).status, "ok");
    },
  );

  test(
    "is not needed: without GraphQL everything is asked for by REST, and what it alone has is missed aloud",
    SKIP,
    async () => {
      await using world = await aWorld();
      const { server } = world;
      const backup = githubBackup(server, WITHOUT_GIT);
      await backup.run();
      server.fault = (path) => (path === "/graphql" ? { status: 404, body: { message: "Not Found" } } : undefined);
      asked(server);
      const without = await backup.run();
      assert.equal(without.status, "partial", "discussions were readable");
      assert.ok(asked(server).includes("labels"));
    },
  );
});

describe("discussions", () => {
  const long = aDiscussion(
    1,
    at(10),
    Array.from({ length: 70 }, (_, n) =>
      aComment(`C${n}`, `comment ${n}`, {
        replies: n === 3 ? Array.from({ length: 130 }, (__, m) => aComment(`A${m}`, `reply ${m}`)) : [],
      }),
    ),
  );

  test("are stored with every comment and reply, however many there are", SKIP, async () => {
    await using world = await aWorld([long, ...Array.from({ length: 30 }, (_, n) => aDiscussion(n + 2, at(n), []))]);
    const { server } = world;
    const backup = githubBackup(server, { ...WITHOUT_GIT, skip: ["all"], include: ["discussions"] });
    const result = await backup.run();
    const stored = (await backup.stored(result, "my-org/app", "discussions")) ?? [];
    assert.equal(stored.length, 31);
    const comments = Object(stored.find(({ number }) => number === 1)).comments;
    assert.equal(comments.nodes.length, 70);
    assert.equal(comments.nodes[3].replies.nodes.at(-1).body, "reply 129");
    const stats = Object(unitOf(result)?.artifacts.find(({ path }) => path.includes("collected"))?.facts.stats);
    assert.ok(stats.points >= 4, "points are counted");
  });

  test("that changed are merged with the rest; unchanged ones are not asked for", SKIP, async () => {
    await using world = await aWorld([aDiscussion(1, at(1), []), aDiscussion(2, at(2), [])]);
    const { server, discussions } = world;
    const backup = githubBackup(server, { skip: ["all"], include: ["discussions"] });
    await backup.run();
    asked(server);
    assert.equal(unitOf(await backup.run())?.status, "unchanged");
    assert.deepEqual(asked(server).filter((path) => path === "/graphql").length, 1);
    discussions.splice(0, 1, aDiscussion(1, at(900), [aComment("C1", "new")]));
    const third = await backup.run();
    const stored = (await backup.stored(third, "my-org/app", "discussions")) ?? [];
    assert.deepEqual(
      stored.map(({ number }) => number),
      [1, 2],
    );
    assert.equal(Object(stored[0]).comments.nodes[0].body, "new");
  });

  const ORDER = (body: unknown): string => Object(body).variables.orderBy?.field;
  /** Does something once the first page of them all has been answered. */
  const meanwhile = (server: GithubServer, then: () => void): void => {
    const answer = server.graphql;
    let whole = 0;
    server.graphql = async (body) => {
      if (ORDER(body) === "CREATED_AT") whole += 1;
      if (whole === 2) then();
      return (await answer?.(body)) ?? { status: 500 };
    };
  };
  const many = () => Array.from({ length: 60 }, (_, n) => aDiscussion(n + 1, at(n), []));
  const ALONE = { skip: ["all"], include: ["discussions"] };

  test(
    "that are commented on while all are read are stored, and what changed after it was read is in the next run",
    SKIP,
    async () => {
      await using world = await aWorld(many());
      const { server, discussions } = world;
      const change = (number: number, minutes: number) =>
        void discussions.splice(number - 1, 1, aDiscussion(number, at(minutes), [aComment(`C${number}`, "late")]));
      meanwhile(server, () => {
        change(1, 5000);
        change(30, 5100);
      });
      const backup = githubBackup(server, ALONE);
      const first = await backup.run();
      assert.equal(first.status, "ok", unitOf(first)?.error?.message);
      const commented = async (result: JobResult) =>
        ((await backup.stored(result, "my-org/app", "discussions")) ?? []).map((one) => [
          one.number,
          Object(one).comments.nodes.length,
        ]);
      const of = (commentsOf: (number: number) => number) =>
        many().map(({ number }) => [number, commentsOf(Number(number))]);
      const sorted = (rows: unknown[][]) => rows.toSorted((a, b) => Number(a[0]) - Number(b[0]));
      assert.deepEqual(
        sorted(await commented(first)),
        of((number) => (number === 30 ? 1 : 0)),
      );
      assert.deepEqual(
        sorted(await commented(await backup.run())),
        of((number) => (number === 30 || number === 1 ? 1 : 0)),
      );
    },
  );

  test("that come in behind what was read are found by beginning once more", SKIP, async () => {
    await using world = await aWorld(many());
    const { server, discussions } = world;
    let isIn = false;
    meanwhile(server, () => {
      if (!isIn) discussions.push({ ...aDiscussion(99, at(1), []), createdAt: at(-5) });
      isIn = true;
    });
    const backup = githubBackup(server, ALONE);
    const result = await backup.run();
    assert.equal(result.status, "ok", unitOf(result)?.error?.message);
    const numbers = ((await backup.stored(result, "my-org/app", "discussions")) ?? []).map(({ number }) => number);
    assert.equal(new Set(numbers).size, 61);
    assert.equal(numbers.length, 61);
  });

  test("that take more questions than an hour has go on where they stopped", SKIP, async () => {
    await using world = await aWorld(Array.from({ length: 260 }, (_, n) => aDiscussion(n + 1, at(n), [])));
    const { server, discussions } = world;
    const backup = githubBackup(server, ALONE);
    const numbers = async (result: Parameters<typeof storedParts>[1]) =>
      (await storedParts(backup, result, "my-org/app", "discussions"))
        .map(({ number }) => Number(number))
        .toSorted((a, b) => a - b);
    const all = discussions.map(({ number }) => Number(number));
    const first = await runWithin(backup, server, 9);
    assert.ok(first.hours >= 3, `${first.hours} hours`);
    assert.deepEqual(await numbers(first), all);
    // What changed since then is read with what changed last first.
    for (const [n, one] of discussions.entries())
      if (n >= 60) discussions[n] = aDiscussion(Number(one.number), at(9000 + n), []);
    const second = await runWithin(backup, server, 7);
    assert.ok(second.hours >= 3, `${second.hours} hours`);
    assert.deepEqual(await numbers(second), all);
    const asked = server.requests.filter(({ path, status }) => path === "/graphql" && status === 200).length;
    assert.ok(asked < 40, `${asked} questions`);
  });

  test("of which one page takes more questions than an hour has go on in its middle", SKIP, async () => {
    const comments = (of: number) => Array.from({ length: 60 }, (_, n) => aComment(`C${of}-${n}`, `comment ${n}`));
    await using world = await aWorld(Array.from({ length: 20 }, (_, n) => aDiscussion(n + 1, at(n), comments(n))));
    const backup = githubBackup(world.server, ALONE);
    const result = await runWithin(backup, world.server, 9);
    assert.ok(result.hours >= 3, `${result.hours} hours`);
    const stored = await storedParts(backup, result, "my-org/app", "discussions");
    assert.deepEqual(
      stored
        .map((one) => [Number(one.number), Object(one).comments.nodes.length])
        .toSorted(([a = 0], [b = 0]) => a - b),
      Array.from({ length: 20 }, (_, n) => [n + 1, 60]),
    );
  });

  test("are asked for in halves where GitHub takes too long", SKIP, async () => {
    await using world = await aWorld(Array.from({ length: 30 }, (_, n) => aDiscussion(n + 1, at(n), [])));
    const { server } = world;
    const answer = server.graphql;
    let refused = 0;
    server.graphql = async (body) => {
      const { variables } = body as { variables: { first?: number } };
      if ((variables.first ?? 0) <= 7) return (await answer?.(body)) ?? { status: 500 };
      refused += 1;
      return { status: 502, body: { message: "Server Error" } };
    };
    const backup = githubBackup(server, { skip: ["all"], include: ["discussions"] });
    const result = await backup.run();
    assert.equal((await backup.stored(result, "my-org/app", "discussions"))?.length, 30);
    assert.ok(refused > 1);
  });

  test("that come shorter than GitHub counts them fail", SKIP, async () => {
    await using world = await aWorld([long]);
    const { server } = world;
    const answer = server.graphql;
    server.graphql = async (body) => {
      const reply = (await answer?.(body)) ?? { status: 500 };
      return {
        ...reply,
        body: JSON.parse(JSON.stringify(reply.body).replaceAll('"totalCount":70', '"totalCount":71')),
      };
    };
    const backup = githubBackup(server, { skip: ["all"], include: ["discussions"] });
    const result = await backup.run();
    assert.equal(unitOf(result)?.error?.code, "SOURCE_INCOMPLETE");
  });
});
