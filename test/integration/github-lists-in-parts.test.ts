import assert from "node:assert/strict";
import { test } from "node:test";
import { NotFoundError } from "../../lib/errors.ts";
import { githubBackup, storedParts } from "../support/github-backup.ts";
import { answerGraphql } from "../support/github-graphql.ts";
import { aWorld, ids, listOf, partsOf, WORLDS } from "../support/github-lists.ts";
import { at } from "../support/github-organization.ts";
import { noGithubPeers } from "../support/github-peers.ts";
import type { Json } from "../support/github-server.ts";
import { lacksNothingThatStays } from "../support/others-come-and-go.ts";
import { runWithin } from "../support/run-within.ts";

for (const world of WORLDS) {
  const { kind, how, perHour } = world;
  const options = { skip: ["all"], include: [kind] };

  test(`${kind} of more requests than an hour has, read ${how}, go on where they stopped`, async () => {
    await using made = await aWorld(world);
    const { server, path } = made;
    const backup = githubBackup(server, options);
    const first = await runWithin(backup, server, perHour);
    assert.ok(first.hours >= 3, `${first.hours} hours`);
    const pages = server.requests.filter((one) => one.path === path && one.status === 200 && one.etag === undefined);
    const asked = new Map(pages.map(({ query }) => [query.toString(), 0]));
    for (const { query } of pages) asked.set(query.toString(), (asked.get(query.toString()) ?? 0) + 1);
    assert.ok(
      [...asked.values()].every((times) => times <= 3),
      `asked ${JSON.stringify([...asked])}`,
    );
    const parts = partsOf(first, kind);
    assert.ok(parts.length >= 3, `${parts.length} parts`);
    const stored = await storedParts(backup, first, "my-org/app", kind);
    assert.deepEqual(ids(stored), ids(listOf(server, path)), "each once");
    // At a desk the process waits in the middle of the list, and what it stores is the same.
    const desk = githubBackup(server, options);
    const whole = await desk.run();
    assert.equal(partsOf(whole, kind).length, 1);
    assert.deepEqual(ids((await desk.stored(whole, "my-org/app", kind)) ?? []), ids(stored));
    // The next run makes one artifact of the parts.
    const next = await backup.run();
    assert.equal(next.status, "ok");
    assert.deepEqual(partsOf(next, kind).length, 1);
    assert.deepEqual(ids((await backup.stored(next, "my-org/app", kind)) ?? []), ids(stored));
    assert.equal((await backup.run()).manifest?.units[0]?.status, "unchanged");
  });
}

for (const world of WORLDS.filter(({ lastPage }) => lastPage === undefined)) {
  const { kind, how } = world;
  test(`${kind}, read ${how}, lack nothing that stays while others go and come in each wait`, async () => {
    await lacksNothingThatStays(world, (server) => githubBackup(server, { skip: ["all"], include: [kind] }));
  });
}

test("what changed since the last snapshot is of more requests than an hour has, and is joined with what did not", async () => {
  await using made = await aWorld({ list: "issues/comments", issues: 350 });
  const { server, path } = made;
  // By the first wait's end a sweep would be due, which is another night's.
  const backup = githubBackup(server, { skip: ["all"], include: ["issue_comments"], full_every: "25h" });
  assert.equal((await backup.run()).status, "ok");
  const changed = listOf(server, path).map((comment, n) =>
    n < 100 ? comment : { ...comment, body: "edited", updated_at: at(100_000 + n) },
  );
  server.lists.set(path, changed);
  const second = await runWithin(backup, server, 9);
  assert.ok(partsOf(second, "issue_comments").length >= 2);
  const stored = await storedParts(backup, second, "my-org/app", "issue_comments");
  const byId = (a: Json, b: Json) => Number(a.id) - Number(b.id);
  assert.deepEqual(stored.toSorted(byId), changed.toSorted(byId));
  assert.deepEqual(server.requests.filter(({ query }) => query.get("sort") === "created").length, 7 + 6, "no sweep");
});

for (const where of ["on AWS", "at a desk"] as const)
  test(`what is changed in a wait, on a page that was yet to come, is stored as it is then: ${where}`, async () => {
    await using made = await aWorld({ list: "issues/comments", issues: 350 });
    const { server, path } = made;
    const backup = githubBackup(server, { skip: ["all"], include: ["issue_comments"], full_every: "25h" });
    const all = listOf(server, path);
    const [fresh = {}, ...before] = all;
    server.lists.set(path, before);
    assert.equal((await backup.run()).status, "ok");
    // The oldest of those that changed: the last page has them.
    const [old = {}] = before;
    const edit = (json: Json, n: number): Json => ({ ...json, body: "edited", updated_at: at(100_000 + n) });
    const edited = all.map(edit);
    server.lists.set(path, edited);
    const changed: Json = { ...edit(old, 900_000), body: "in the wait" };
    let isChanged = false;
    const change = () => {
      if (isChanged) return;
      isChanged = true;
      server.lists.set(path, [edit(fresh, 900_001), changed, ...edited.slice(2)]);
    };
    if (where === "at a desk")
      server.fault = (asked, _, query) => {
        if (asked !== path || query.get("page") !== "3" || isChanged) return undefined;
        change();
        backup.a.later(3_700);
        return undefined;
      };
    const second = where === "at a desk" ? await backup.run() : await runWithin(backup, server, 9, change);
    assert.ok(isChanged);
    const stored = await storedParts(backup, second, "my-org/app", "issue_comments");
    assert.deepEqual(ids(stored), ids(all), "each once");
    assert.equal(stored.find(({ id }) => id === changed.id)?.body, "in the wait");
  });

test("what moves past the place of a second reading in a wait is not taken for deleted", async () => {
  await using made = await aWorld({ list: "issues/comments", issues: 350 });
  const { server, path } = made;
  const backup = githubBackup(server, { skip: ["all"], include: ["issue_comments"], full_every: "12h" });
  assert.equal((await backup.run()).status, "ok");
  // The first reading does not show one, so that there is a second.
  const all = listOf(server, path);
  const hidden = 305;
  server.lists.set(path, all.toSpliced(hidden, 1));
  const pagesSince = server.requests.length;
  let isMoved = false;
  const result = await runWithin(backup, server, 10, () => {
    const pages = server.requests
      .slice(pagesSince)
      .filter(({ query, status, etag }) => query.get("sort") === "created" && status === 200 && etag === undefined)
      .map(({ query }) => Number(query.get("page") ?? 1));
    const second = pages.lastIndexOf(1);
    if (isMoved || second === pages.indexOf(1)) return;
    isMoved = true;
    assert.equal(pages.at(-1), 3, `it is read by ${JSON.stringify(pages)}`);
    // Page 3 was read last; the first that come after it are on page 2 now.
    server.lists.set(path, all.slice(150));
  });
  assert.ok(isMoved);
  const stored = ids(await storedParts(backup, result, "my-org/app", "issue_comments"));
  assert.deepEqual(stored, ids(all), "what the first reading had, and the one that it had not");
  assert.equal(await backup.stored(result, "my-org/app", "deleted"), undefined);
});

test("what hangs on a list that went on after a wait is there for all of it", async () => {
  await using made = await aWorld({ list: "issues", issues: 350 });
  const { server, path } = made;
  const above = [7, 150, 349];
  for (const number of above) {
    const list = listOf(server, path);
    list[number - 1] = { ...list[number - 1], sub_issues_summary: { total: 1 } };
    server.lists.set(`${path}/${number}/sub_issues`, [{ id: number }]);
  }
  const backup = githubBackup(server, { skip: ["all"], include: ["sub_issues"] });
  const result = await runWithin(backup, server, 8);
  assert.ok(partsOf(result, "issues").length >= 2);
  assert.deepEqual(
    (await storedParts(backup, result, "my-org/app", "sub_issues")).map(({ of }) => of),
    above,
  );
});

for (const [status, why, next] of [
  [404, "forbidden", "partial"],
  [410, "switched off", "ok"],
] as const)
  test(`a list of which a part is stored and that is ${why} in the wait is cut, and fails its repository`, async () => {
    await using made = await aWorld({ list: "labels" });
    const { server, path } = made;
    const isRefused = (asked: string) => (asked === path ? { status, body: { message: "not for you" } } : undefined);
    const backup = githubBackup(server, { skip: ["all"], include: ["labels"] });
    let waits = 0;
    await assert.rejects(
      runWithin(backup, server, 6, () => {
        waits += 1;
        server.fault = isRefused;
      }),
      /^AssertionError.*: labels: was read in part before a wait, and cannot be read now \(/,
    );
    assert.equal(waits, 1);
    server.fault = isRefused;
    for (const _ of ["the next night", "the one after"]) {
      const { status: told, manifest } = await backup.run();
      assert.equal(told, next, manifest?.units[0]?.error?.message);
    }
    server.fault = () => undefined;
    const whole = await backup.run();
    assert.deepEqual([whole.status, partsOf(whole, "labels").length], ["ok", 1]);
  });

test("a page of releases whose files take more requests than an hour has goes on in its middle", async () => {
  await using made = await aWorld({ list: "releases" });
  const { server, path } = made;
  const files = Array.from({ length: 101 }, (_, n) => ({ id: n + 1 }));
  const releases = Array.from({ length: 30 }, (_, n) => ({ id: n + 1, tag_name: `v${n}`, assets: files.slice(1) }));
  server.lists.set(path, releases);
  for (const { id } of releases) server.lists.set(`${path}/${id}/assets`, files);
  const backup = githubBackup(server, { skip: ["all"], include: ["releases"] });
  const result = await runWithin(backup, server, 40);
  assert.ok(result.hours >= 3, `${result.hours} hours`);
  const stored = await storedParts(backup, result, "my-org/app", "releases");
  assert.deepEqual(
    stored.map(({ id, assets }) => [id, Object(assets).length]),
    releases.map(({ id }) => [id, 101]),
  );
});

test("a hole in a list of parts has all of it read again, in parts", { skip: noGithubPeers }, async () => {
  await using made = await aWorld({ list: "issues", issues: 350 });
  const { server, path } = made;
  answerGraphql(server);
  const all = listOf(server, path);
  const answer = server.graphql;
  let asked = 0;
  // It counts all, and lists one less until it has been asked for its count again.
  server.graphql = async (body) => {
    asked += 1;
    server.lists.set(path, all);
    const reply = await answer?.(body);
    if (asked === 1) server.lists.set(path, all.slice(1));
    return reply ?? { status: 500 };
  };
  const backup = githubBackup(server, { skip: ["all"], include: ["issues"] });
  const result = await runWithin(backup, server, 7);
  assert.equal(asked, 2);
  const parts = partsOf(result, "issues");
  assert.ok(parts.length >= 2);
  assert.deepEqual(ids(await storedParts(backup, result, "my-org/app", "issues")), ids(all));
  // GraphQL says that nothing has changed; what lies in parts becomes one all the same.
  const next = await backup.run();
  assert.equal(partsOf(next, "issues").length, 1);
  assert.deepEqual(ids((await backup.stored(next, "my-org/app", "issues")) ?? []), ids(all));
});

test("a list that is as it was and whose copy is lost is read in parts, too", { skip: noGithubPeers }, async () => {
  await using made = await aWorld({ list: "labels" });
  const { server, path } = made;
  answerGraphql(server);
  const backup = githubBackup(server, { skip: ["all"], include: ["labels"] });
  assert.equal((await backup.run()).status, "ok");
  // Another kind has changed, so that the unit is not taken over as a whole.
  server.objects.set("/repos/my-org/app", { ...server.objects.get("/repos/my-org/app"), description: "new" });
  const { storage } = backup.a;
  const copy = storage.copy.bind(storage);
  storage.copy = async (from, to, options) => {
    if (from.includes("labels")) throw new NotFoundError(from);
    return copy(from, to, options);
  };
  const result = await runWithin(backup, server, 9);
  assert.ok(partsOf(result, "labels").length >= 2);
  assert.deepEqual(ids(await storedParts(backup, result, "my-org/app", "labels")), ids(listOf(server, path)));
});
