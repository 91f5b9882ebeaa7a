import assert from "node:assert/strict";
import { test } from "node:test";
import { manifestKey } from "../../lib/keys.ts";
import { githubBackup } from "../support/github-backup.ts";
import { addRepository } from "../support/github-organization.ts";
import { type GithubServer, type Json, startGithub } from "../support/github-server.ts";

const some = { reactions: { total_count: 1 } };
const none = { reactions: { total_count: 0 } };
const asked = (server: GithubServer, end: string): number =>
  server.requests.splice(0).filter(({ path }) => path.endsWith(end)).length;

test("who reacted to comments and releases is asked of those that have reactions, and again where the list changed or a sweep is due", async () => {
  await using server = await startGithub("/nonexistent");
  const path = await addRepository(server, "app", { id: 42, issues: 1, pulls: 1 });
  const put = (list: string, items: readonly Json[]) => server.lists.set(`${path}/${list}`, [...items]);
  const at = { created_at: "2026-01-01T00:00:00Z", updated_at: "2026-01-01T00:00:00Z" };
  const issue = { issue_url: `${server.apiUrl}${path}/issues/1` };
  const pull = { pull_request_url: `${server.apiUrl}${path}/pulls/2` };
  put("issues/comments", [
    { id: 11, ...at, ...issue, ...some },
    { id: 12, ...at, ...issue, ...none },
  ]);
  put("pulls/comments", [{ id: 21, ...at, ...pull, ...some }]);
  put("comments", [{ id: 31, ...at, ...some }]);
  const release = { id: 41, tag_name: "v1", assets: [], ...at, ...some };
  put("releases", [release]);
  for (const one of ["issues/comments/11", "pulls/comments/21", "comments/31", "releases/41"])
    put(`${one}/reactions`, [{ id: 1, content: "heart", user: { login: "ada" } }]);
  const kinds = ["issue_comment", "review_comment", "commit_comment", "release"].map((one) => `${one}_reactions`);
  const backup = githubBackup(server, { skip: ["all"], include: kinds, full_every: "3d" });
  const first = await backup.run();
  assert.equal(first.status, "ok");
  for (const [n, kind] of kinds.entries()) {
    const stored = (await backup.stored(first, "my-org/app", kind)) ?? [];
    assert.deepEqual(
      stored.map(({ of, items }) => [of, Object(items)[0].content]),
      [[[11, 21, 31, 41][n], "heart"]],
    );
  }
  assert.equal(asked(server, "/reactions"), 4);
  await backup.run();
  assert.equal(asked(server, "/reactions"), 0, "nothing changed");
  put("releases", [release, { ...release, id: 42, tag_name: "v2", ...none }]);
  await backup.run();
  assert.equal(asked(server, "/releases/41/reactions"), 1);
  put("comments", []);
  const last = await backup.run();
  assert.deepEqual((await backup.stored(last, "my-org/app", "commit_comment_reactions")) ?? [], []);
  assert.equal(asked(server, "/pulls/comments/21/reactions"), 1, "a sweep asks for all");
});

test("settings that belong to another choice are off, and the policies of environments are asked for where there are own ones", async () => {
  await using server = await startGithub("/nonexistent");
  const path = await addRepository(server, "app", { id: 42, issues: 0, pulls: 0 });
  const environments = `${path}/environments`;
  const own = { protected_branches: false, custom_branch_policies: true };
  server.lists.set(environments, [
    { id: 1, name: "live", deployment_branch_policy: own },
    { id: 2, name: "test", deployment_branch_policy: null },
  ]);
  server.lists.set(`${environments}/live/deployment-branch-policies`, [{ id: 3, name: "release/*" }]);
  server.keys.set(`${environments}/live/deployment-branch-policies`, "branch_policies");
  const selected = `${path}/actions/permissions/selected-actions`;
  server.objects.set(selected, { github_owned_allowed: true, patterns_allowed: ["my-org/*"] });
  const backup = githubBackup(server, { skip: ["all"], include: ["environment_branch_policies", "actions_selected"] });
  const first = await backup.run();
  assert.deepEqual(await backup.stored(first, "my-org/app", "environment_branch_policies"), [
    { of: "live", items: [{ id: 3, name: "release/*" }] },
  ]);
  assert.equal((await backup.stored(first, "my-org/app", "actions_selected"))?.length, 1);
  assert.ok(!server.requests.some((request) => request.path.includes("/environments/test/")));
  server.fault = (asked) => (asked === selected ? { status: 409, body: { message: "Conflict" } } : undefined);
  const second = await backup.run();
  assert.equal(second.status, "ok");
  assert.deepEqual(
    second.manifest?.warnings.map(({ code }) => code),
    ["GITHUB_SWITCHED_OFF"],
  );
  // Nothing is kept there, hidden.
  assert.deepEqual((await backup.run()).manifest?.warnings, []);
  // What is off is, and that it held something was not forgotten meanwhile.
  server.fault = (asked) => (asked === selected ? { status: 410, body: { message: "disabled" } } : undefined);
  const held = `actions_selected was read in snapshot ${first.snapshot}, and has been switched off since`;
  for (const _ of ["the next night", "the one after"])
    assert.deepEqual(
      (await backup.run()).manifest?.warnings.map(({ message }) => message.replace(/ [(].*/, "")),
      [held],
    );
});

test("what is switched off is told in each run with the snapshot that has it, until it is on again", async () => {
  await using server = await startGithub("/nonexistent");
  const path = await addRepository(server, "app", { id: 42, issues: 2, pulls: 0 });
  const turn = (on: boolean) => {
    const object = { ...server.objects.get(path), has_issues: on };
    server.objects.set(path, object);
    server.lists.set("/orgs/my-org/repos", [object]);
  };
  const backup = githubBackup(server, { skip: ["all"], include: ["issues", "sub_issues"] });
  const first = await backup.run();
  turn(false);
  const told = async () => {
    const result = await backup.run();
    assert.equal(result.status, "ok");
    return result.manifest?.warnings.map(({ code, message }) => [code, message.replace(/ [(;].*/, "")]);
  };
  const gone = (kind: string, snapshot = first.snapshot) => [
    "GITHUB_SWITCHED_OFF",
    `${kind} was read in snapshot ${snapshot}, and has been switched off since`,
  ];
  // Nothing was lost with what was empty.
  assert.deepEqual(await told(), [gone("issues"), gone("sub_issues")]);
  assert.deepEqual(await told(), [gone("issues")]);
  assert.deepEqual(await told(), [gone("issues")]);
  // Once retention has removed it, nothing is left to be lost.
  await backup.a.storage.remove([manifestKey("docs", first.snapshot ?? "")]);
  assert.deepEqual(await told(), []);
  turn(true);
  const again = await backup.run();
  assert.deepEqual(again.manifest?.warnings, []);
  assert.equal((await backup.stored(again, "my-org/app", "issues"))?.length, 2);
});

test("what was empty, then forbidden and then switched off is told once, and as nothing that is held", async () => {
  await using server = await startGithub("/nonexistent");
  const path = await addRepository(server, "app", { id: 42, issues: 0, pulls: 0 });
  const backup = githubBackup(server, { skip: ["all"], include: ["issues"] });
  assert.equal((await backup.run()).status, "ok");
  server.fault = (asked) => (asked === `${path}/issues` ? { status: 403, body: { message: "no" } } : undefined);
  assert.notEqual((await backup.run()).status, "ok");
  const object = { ...server.objects.get(path), has_issues: false };
  server.objects.set(path, object);
  server.lists.set("/orgs/my-org/repos", [object]);
  const told = async () => (await backup.run()).manifest?.warnings.map(({ message }) => message);
  assert.match(String(await told()), /^issues was read in snapshot \S+, and has been switched off since \([^;]*\)$/);
  assert.deepEqual(await told(), []);
});
