import assert from "node:assert/strict";
import { test } from "node:test";
import type { JobResult } from "../../lib/run.ts";
import { githubBackup } from "../support/github-backup.ts";
import { addRepository, at } from "../support/github-organization.ts";
import { startGithub } from "../support/github-server.ts";

const NOT_FOUND = { status: 404, body: { message: "Not Found" } };

test("what hangs on an environment that was deleted since it was listed is no right that is missing", async () => {
  await using server = await startGithub("/nonexistent");
  const path = await addRepository(server, "app", { id: 42 });
  const list = `${path}/environments`;
  server.keys.set(list, "environments");
  // By name: whether what hangs on it is shown, it by itself, and whether it goes from the list with the question.
  const environments = new Map<string, { below?: boolean; alone?: boolean; goes?: boolean }>();
  server.fault = (asked) => {
    if (asked === list)
      server.lists.set(list, server.lists.get(list) ?? [...environments.keys()].map((name) => ({ name })));
    const [, name = "", below] = /\/environments\/(\w)(\/variables)?$/.exec(asked) ?? [];
    const of = environments.get(name);
    if (of === undefined) return undefined;
    if (of.goes === true)
      server.lists.set(
        list,
        (server.lists.get(list) ?? []).filter((one) => one.name !== name),
      );
    if ((below === undefined ? of.alone : of.below) !== true) return NOT_FOUND;
    return { status: 200, body: below === undefined ? { name } : { variables: [{ name: `of_${name}` }] } };
  };
  const run = async (of: Readonly<Record<string, { below?: boolean; alone?: boolean; goes?: boolean }>>) => {
    environments.clear();
    for (const [name, one] of Object.entries(of)) environments.set(name, one);
    server.lists.set(
      list,
      Object.keys(of).map((name) => ({ name })),
    );
    const kinds = ["environment_variables"];
    const backup = githubBackup(server, { skip: ["all"], include: kinds, require: kinds });
    const result = await backup.run();
    const lines = await backup.stored(result, "my-org/app", "environment_variables");
    return result.status === "ok" ? (lines ?? []).map(({ of: name }) => name) : result.status;
  };
  const there = { below: true, alone: true };
  assert.deepEqual(await run({ a: { goes: true }, b: there, c: there }), ["b", "c"]);
  assert.deepEqual(await run({ a: { goes: true } }), [], "the only one");
  assert.equal(await run({ a: { alone: true }, b: there }), "partial", "it is there");
  assert.equal(await run({ a: {}, b: there }), "partial", "it is listed");
  assert.equal(await run({ a: {} }), "partial", "the only one, and it is listed");
});

for (const [what, include, status, message] of [
  ["a timeline", ["issues", "issue_timeline"], 410, "This issue was deleted"],
  ["what is asked for by itself", ["pulls", "pull_details"], 404, "Not Found"],
] as const)
  test(`${what} of something that was deleted since it was listed is no right that is missing`, async () => {
    await using server = await startGithub("/nonexistent");
    const [parent, kind] = include;
    const path = await addRepository(server, "app", { id: 42, issues: 3, pulls: 3 });
    const of = (number: number) => `${path}/${parent}/${number}`;
    for (let number = 1; number <= 6; number += 1) {
      server.lists.set(`${of(number)}/timeline`, [{ id: number, event: "closed" }]);
      server.objects.set(`${path}/pulls/${number}`, { number });
    }
    const deleted = new Set<number>();
    let isGone = true;
    server.fault = (asked) => {
      const number = [...deleted].find((one) => asked === of(one) || asked.startsWith(`${of(one)}/`));
      if (number === undefined) return undefined;
      const list = server.lists.get(`${path}/${parent}`) ?? [];
      if (isGone)
        server.lists.set(
          `${path}/${parent}`,
          list.filter((one) => one.number !== number),
        );
      return { status, body: { message } };
    };
    const touch = (number: number, minutes: number) => {
      const list = server.lists.get(`${path}/${parent}`) ?? [];
      server.lists.set(
        `${path}/${parent}`,
        list.map((one) => (one.number === number ? { ...one, updated_at: at(minutes) } : one)),
      );
    };
    const backup = githubBackup(server, { skip: ["all"], include: [...include], require: [kind] });
    const parents = async (result: JobResult) =>
      (await backup.stored(result, "my-org/app", kind))?.map(({ of: number }) => Number(number)).toSorted();
    deleted.add(5);
    const first = await backup.run();
    assert.equal(first.status, "ok", first.manifest?.units[0]?.error?.message);
    const all = (await parents(first)) ?? [];
    assert.equal(all.includes(5), false);
    // The only one that changed.
    touch(4, 90_000);
    deleted.add(4);
    const second = await backup.run();
    assert.equal(second.status, "ok", second.manifest?.units[0]?.error?.message);
    assert.deepEqual(
      await parents(second),
      all.filter((one) => one !== 4),
    );
    touch(6, 95_000);
    deleted.add(6);
    isGone = false;
    // What was read before has to be readable, whether or not it is required.
    const third = await backup.withOptions({ skip: ["all"], include: [...include] }).run();
    assert.equal(third.manifest?.units[0]?.status, "failed", "what is still listed was not deleted");
  });
