import assert from "node:assert/strict";
import { test } from "node:test";
import { openDecryption, openEncryption } from "../../lib/encryption/all.ts";
import { aBackup, contentsOf } from "../support/a-backup.ts";
import { type GithubBackup, githubBackup, storedParts } from "../support/github-backup.ts";
import { aDiscussion, answerGraphql } from "../support/github-graphql.ts";
import { aWorld, ids, listOf, partsOf, WORLDS } from "../support/github-lists.ts";
import { addRepository, at } from "../support/github-organization.ts";
import { noGithubPeers } from "../support/github-peers.ts";
import { type GithubServer, startGithub } from "../support/github-server.ts";
import { lacksNothingThatStays } from "../support/others-come-and-go.ts";
import { runWithin } from "../support/run-within.ts";

/** As the server sends what is no list. */
const FILE = JSON.stringify("a file");
const RECIPIENT = "age1xmwwc06ly3ee5rytxm9mflaz2u56jjj36s0mypdrwsvlul66mv4q47ryef";
const IDENTITY = "AGE-SECRET-KEY-1EGTZVFFV20835NWYV6270LXYVK2VKNX2MMDKWYKLMGR48UAWX40Q2P2LM0";

/** What it stores opens to the test, and to no run. */
async function sealedBackup(
  server: GithubServer,
  include: readonly string[],
  changes: Parameters<typeof aBackup>[0] = {},
): Promise<GithubBackup> {
  const context = {
    secrets: { resolve: () => Promise.reject(new Error("no secret is needed")) },
    signal: new AbortController().signal,
  };
  const encryption = await openEncryption({ type: "age", recipients: [RECIPIENT] }, context);
  const decryption = await openDecryption("age", undefined, { key: IDENTITY, source: "the test" }, context);
  const a = aBackup({ ...changes, encryption: () => encryption });
  return githubBackup(server, { skip: ["all"], include }, a, decryption);
}

for (const world of WORLDS) {
  const { kind, how, perHour } = world;

  test(`${kind}, read ${how} and sealed to the run, go on where they stopped`, async () => {
    await using made = await aWorld(world);
    const { server, path } = made;
    const backup = await sealedBackup(server, [kind]);
    const result = await runWithin(backup, server, perHour);
    assert.ok(result.hours >= 3, `${result.hours} hours`);
    const pages = server.requests.filter((one) => one.path === path && one.status === 200 && one.etag === undefined);
    const asked = Map.groupBy(pages, ({ query }) => query.toString());
    assert.ok(
      [...asked.values()].every(({ length }) => length <= 3),
      `asked ${JSON.stringify([...asked.keys()])}`,
    );
    assert.ok(partsOf(result, kind).length >= 3);
    assert.deepEqual(ids(await storedParts(backup, result, "my-org/app", kind)), ids(listOf(server, path)));
    // The next run knows nothing of it, and makes one artifact of all where there is time.
    assert.deepEqual(
      partsOf(await backup.run(), kind).map(({ facts }) => facts.lines),
      [listOf(server, path).length],
    );
  });
}

for (const world of WORLDS.filter(({ lastPage }) => lastPage === undefined)) {
  const { kind, how } = world;
  test(`${kind}, read ${how} and sealed, lack nothing that stays while others go and come in each wait`, async () => {
    await lacksNothingThatStays(world, (server) => sealedBackup(server, [kind]));
  });
}

test("discussions that are sealed go on where they stopped, too", { skip: noGithubPeers }, async () => {
  await using server = await startGithub("/nonexistent");
  const path = await addRepository(server, "app", { id: 42, object: { has_discussions: true } });
  const discussions = Array.from({ length: 240 }, (_, n) => aDiscussion(n + 1, at(n), []));
  answerGraphql(server, new Map([[path, discussions]]));
  const backup = await sealedBackup(server, ["discussions"]);
  const result = await runWithin(backup, server, 6);
  assert.ok(result.hours >= 3, `${result.hours} hours`);
  const stored = await storedParts(backup, result, "my-org/app", "discussions");
  assert.deepEqual(
    stored.map(({ number }) => Number(number)).toSorted((a, b) => a - b),
    discussions.map(({ number }) => number),
  );
});

test("what hangs on a sealed list, and files that it shows, are there for all of it, and it is not read again", async () => {
  await using made = await aWorld({ list: "issues", issues: 350 });
  const { server, path } = made;
  const above = [7, 150, 349];
  const files = new Map(above.map((number) => [number, `/user-attachments/files/${number}/log.txt`]));
  for (const [number, file] of files) {
    const list = listOf(server, path);
    const text = `a secret word, see ${server.webUrl}${file}`;
    list[number - 1] = { ...list[number - 1], sub_issues_summary: { total: 1 }, body: text };
    server.lists.set(`${path}/${number}/sub_issues`, [{ id: number }]);
    server.files.set(file, { status: 200, body: Buffer.from(`file ${number}`) });
  }
  const backup = await sealedBackup(server, ["sub_issues", "attachments"]);
  const result = await runWithin(backup, server, 6);
  assert.ok(partsOf(result, "issues").length >= 2);
  const under = await storedParts(backup, result, "my-org/app", "sub_issues");
  assert.deepEqual(
    under.map(({ of }) => of),
    above,
  );
  assert.deepEqual(result.manifest.warnings, []);
  const shown = (await backup.stored(result, "my-org/app", "attachments")) ?? [];
  assert.deepEqual(new Set(shown.map(({ url }) => url)), new Set([...files.values()].map((at) => server.webUrl + at)));
  const first = server.requests.filter(({ path: asked, query }) => asked === path && query.get("page") === "2");
  assert.ok(first.filter(({ etag }) => etag === undefined).length <= 2, "the list was begun once");
  // Nothing of the texts lies in the clear.
  for (const [key, content] of await contentsOf(backup.a.storage))
    assert.ok(!/secret word|title/.test(content.toString("latin1")), key);
});

test("files of releases whose list is sealed in parts are all stored", async () => {
  await using made = await aWorld({ list: "releases" });
  const { server, path } = made;
  const asset = (id: number) => ({
    id,
    name: `${id}.bin`,
    size: FILE.length,
    state: "uploaded",
    updated_at: at(id),
    digest: null,
  });
  const releases = Array.from({ length: 250 }, (_, n) => ({
    ...{ id: n + 1, tag_name: `v${n}`, body: "words" },
    assets: n % 100 === 7 ? [asset(n + 1)] : [],
  }));
  server.lists.set(path, releases);
  const wanted = releases.flatMap(({ assets }) => assets.map(({ id }) => id));
  server.fault = (asked) => (asked.includes("/releases/assets/") ? { status: 200, body: "a file" } : undefined);
  const backup = await sealedBackup(server, ["releases", "assets"]);
  const noted = new Set<string>();
  const result = await runWithin(backup, server, 6, async () => {
    for (const [key, content] of await contentsOf(backup.a.storage))
      if (key.includes("/.run/checkpoints/"))
        for (const [tag = ""] of content.toString().matchAll(/"v\d+"/g)) noted.add(tag);
  });
  // Of a release without files nothing is needed.
  assert.ok(noted.has(`"v7"`) && noted.isSubsetOf(new Set([`"v7"`, `"v107"`, `"v207"`])), [...noted].join());
  assert.ok(partsOf(result, "releases").length >= 2);
  const stored = (result.manifest.units[0]?.artifacts ?? []).flatMap(({ facts }) => facts.asset ?? []);
  assert.deepEqual(new Set(stored), new Set(wanted));
});

test("a sealed list whose checkpoint is damaged is read from its beginning, and no part of it stays", async () => {
  await using made = await aWorld({ list: "labels" });
  const { server, path } = made;
  server.lists.set(path, listOf(server, path).slice(0, 250));
  const backup = await sealedBackup(server, ["labels"]);
  const { storage } = backup.a;
  let damaged = 0;
  const result = await runWithin(backup, server, 8, async () => {
    for await (const { key } of storage.list(""))
      if (key.includes("/.run/checkpoints/")) {
        damaged += 1;
        await storage.put(key, bytesOf("{}"));
      }
  });
  assert.ok(damaged > 0);
  assert.deepEqual(
    partsOf(result, "labels").map(({ facts }) => [facts.lines, facts.through]),
    [[250, undefined]],
  );
});

test("a list that is sealed and complete is heard to its end, though others come and go in each wait", async () => {
  await using made = await aWorld({ list: "issues", issues: 350 });
  const { server, path } = made;
  const above = Array.from({ length: 8 }, (_, n) => 42 * (n + 1));
  for (const number of above) {
    const list = listOf(server, path);
    list[number - 1] = { ...list[number - 1], sub_issues_summary: { total: 1 } };
    server.lists.set(`${path}/${number}/sub_issues`, [{ id: number }]);
  }
  // In every second hour there are more of them, before the others, than the hour has requests for.
  const all = listOf(server, path);
  const more = Array.from({ length: 400 }, (_, n) => ({ ...all[0], id: n + 1, number: n + 1000, created_at: at(-n) }));
  let isMore = false;
  const backup = await sealedBackup(server, ["sub_issues"]);
  const result = await runWithin(backup, server, 12, () => {
    isMore = !isMore;
    server.lists.set(path, isMore ? [...more, ...all] : all);
  });
  const objects = partsOf(result, "sub_issues").map(({ facts }) => Number(facts.objects));
  assert.equal(
    objects.reduce((sum, count) => sum + count, 0),
    above.length,
  );
});

async function* bytesOf(text: string) {
  yield Buffer.from(text);
}
