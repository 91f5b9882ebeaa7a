import assert from "node:assert/strict";
import { test } from "node:test";
import { githubBackup } from "../support/github-backup.ts";
import { addRepository, at } from "../support/github-organization.ts";
import { type Json, startGithub } from "../support/github-server.ts";

const numbered = (count: number): Json[] => Array.from({ length: count }, (_, n) => ({ id: n + 1, name: `n${n + 1}` }));

test("what moves up because something before it is deleted while a list is read is stored", async () => {
  await using server = await startGithub("/nonexistent");
  const path = await addRepository(server, "app", { id: 42, issues: 0, pulls: 0 });
  server.lists.set(`${path}/labels`, numbered(350));
  const deleteAt: Record<string, readonly number[]> = { "2": [5], "3": [6, 7, 120], "4": [] };
  server.fault = (asked, _, query) => {
    const gone = asked.endsWith("/labels") ? (deleteAt[query.get("page") ?? ""] ?? []) : [];
    const labels = server.lists.get(`${path}/labels`) ?? [];
    if (gone.length > 0)
      server.lists.set(
        `${path}/labels`,
        labels.filter(({ id }) => !gone.includes(Number(id))),
      );
    return undefined;
  };
  const backup = githubBackup(server, { skip: ["all"], include: ["labels"] });
  const result = await backup.run();
  assert.equal(result.status, "ok", result.manifest?.units[0]?.error?.message);
  const ids = ((await backup.stored(result, "my-org/app", "labels")) ?? []).map(({ id }) => Number(id));
  assert.deepEqual(
    ids.toSorted((a, b) => a - b),
    numbered(350).map(({ id }) => id),
  );
});

test("a release's list of assets that is cut off is read to its end; others are stored as they came", async () => {
  await using server = await startGithub("/nonexistent");
  const path = await addRepository(server, "app", { id: 42, issues: 0, pulls: 0 });
  const release = (id: number, assets: readonly Json[]) => ({ id, tag_name: `v${id}`, updated_at: at(1), assets });
  const many = numbered(230);
  const releases = [release(1, many.slice(0, 100)), release(2, many.slice(0, 99)), release(3, many.slice(0, 120))];
  server.lists.set(`${path}/releases`, releases);
  server.lists.set(`${path}/releases/1/assets`, many);
  server.lists.set(`${path}/releases/3/assets`, many.slice(0, 120));
  const backup = githubBackup(server, { skip: ["all"], include: ["releases"] });
  const first = await backup.run();
  assert.equal(first.status, "ok", first.manifest?.units[0]?.error?.message);
  assert.deepEqual(await backup.stored(first, "my-org/app", "releases"), [release(1, many), releases[1], releases[2]]);
  // The release itself shows nothing of an asset that comes after its list is cut off.
  const more = [...many, { id: 999, name: "late" }];
  server.lists.set(`${path}/releases/1/assets`, more);
  const second = await backup.run();
  assert.deepEqual((await backup.stored(second, "my-org/app", "releases"))?.[0], release(1, more));
});
