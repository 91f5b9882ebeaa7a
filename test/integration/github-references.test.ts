import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { zstdCompressSync, zstdDecompressSync } from "node:zlib";
import { bytesOf, readAll } from "../../lib/bytes.ts";
import { kindItem } from "../../lib/connectors/github/kind-item.ts";
import { unpacked } from "../../lib/connectors/github/number-facts.ts";
import { manifestKey, snapshotPrefix } from "../../lib/keys.ts";
import type { Artifact } from "../../lib/manifest.ts";
import type { JobResult } from "../../lib/run.ts";
import { verify } from "../../lib/verify.ts";
import { type GithubBackup, githubBackup } from "../support/github-backup.ts";
import { addRepository } from "../support/github-organization.ts";
import { type GithubServer, type Json, startGithub } from "../support/github-server.ts";

const OPTIONS = { skip: ["all"], include: ["issues", "issue_comments", "pulls", "pull_reviews"], full_every: "1h" };
const artifactOf = (result: JobResult, name: string): Artifact => {
  const found = result.manifest?.units[0]?.artifacts.find(({ path }) => path.includes(`/${name}.json`));
  assert.ok(found, name);
  return found;
};

/** What proof says of the account of kinds, with which all others are compared. */
async function proved({ a, inFunction }: GithubBackup, result: JobResult) {
  const { artifacts } = await verify(await inFunction(), {
    job: "docs",
    snapshot: result.snapshot ?? "",
    mode: "prove",
  });
  assert.deepEqual(
    artifacts.filter(({ path, error }) => error !== undefined && !path.includes("collected")),
    [],
  );
  a.later(1);
  return artifacts.find(({ path }) => path.includes("collected"));
}

const without = (server: GithubServer, path: string, number: number): Json[] =>
  (server.lists.get(path) ?? []).filter((issue) => issue.number !== number);

test("proof finds each comment's issue and each review's pull request in the same snapshot, but for what GitHub did not have", async () => {
  await using server = await startGithub("/nonexistent");
  const path = await addRepository(server, "app", { id: 42, issues: 3, pulls: 2, commentsPerIssue: 1 });
  const backup = githubBackup(server, OPTIONS);
  const first = await backup.run();
  assert.equal(first.status, "ok", first.manifest?.units[0]?.error?.message);
  assert.match((await proved(backup, first))?.proof?.detail ?? "", /, 7 references$/);

  // Its comments stay in the list for a while, as GitHub's do.
  server.lists.set(`${path}/issues`, without(server, `${path}/issues`, 2));
  const second = await backup.run();
  assert.equal(second.status, "ok", second.manifest?.units[0]?.error?.message);
  assert.equal(Object(Object(artifactOf(second, "collected").facts.checked).issues).gone, 1);
  assert.equal((await proved(backup, second))?.checksum, "ok");

  // What is taken over is not asked about once more, and is compared all the same.
  server.requests.length = 0;
  const third = await backup.withOptions({ ...OPTIONS, full_every: "24d" }).run();
  assert.equal(third.manifest?.units[0]?.status, "unchanged");
  assert.equal(
    server.requests.some(({ path: asked }) => asked === `${path}/issues/2`),
    false,
  );
  assert.equal(Object(Object(artifactOf(third, "collected").facts.checked).issues).references, 5);
  assert.equal((await proved(backup, third))?.checksum, "ok");
});

test("a snapshot whose list of issues has a hole fails the proof, though its digests and counts agree", async () => {
  await using server = await startGithub("/nonexistent");
  await addRepository(server, "app", { id: 42, issues: 3, pulls: 1, commentsPerIssue: 1 });
  const backup = githubBackup(server, OPTIONS);
  const result = await backup.run();
  for (const [name, number, says] of [
    ["issues", 2, /issue_comments\.jsonl\S* belongs to number 2, which is not in issues\.jsonl/],
    ["pulls", 4, /pull_reviews\.jsonl\S* belongs to number 4, which is not in pulls\.jsonl/],
  ] as const) {
    const restore = await storeWithout(backup, result, name, number);
    const found = await proved(backup, result);
    assert.equal(found?.error?.code, "PROOF_FAILED");
    assert.match(found?.error?.message ?? "", says);
    await restore();
  }
  assert.equal((await proved(backup, result))?.error, undefined);
});

/** The snapshot as it would be had a line never been listed: stored bytes, manifest and facts agree. */
async function storeWithout({ a: { storage } }: GithubBackup, result: JobResult, name: string, number: number) {
  const snapshot = result.snapshot ?? "";
  const key = manifestKey("docs", snapshot);
  const artifact = artifactOf(result, name);
  const at = snapshotPrefix("docs", snapshot) + artifact.path;
  const [manifest, stored] = [await readAll(await storage.get(key), 1e7), await readAll(await storage.get(at), 1e7)];
  const lines = zstdDecompressSync(stored).toString().split("\n").filter(Boolean);
  const left = lines.map((line): Json => JSON.parse(line)).filter((json) => json.number !== number);
  assert.equal(left.length, lines.length - 1);
  const item = kindItem({ name }, async function* () {
    for (const json of left) yield { key: String(json.id), json };
  });
  const plain = await readAll(item.open(), 1e7);
  const bytes = zstdCompressSync(plain);
  const digest = (of: Uint8Array) => createHash("sha256").update(of).digest("hex");
  const changed = {
    ...artifact,
    bytes: bytes.length,
    sha256: digest(bytes),
    sourceBytes: plain.length,
    sourceSha256: digest(plain),
    facts: item.facts?.(),
  };
  const text = JSON.stringify(
    JSON.parse(Buffer.from(manifest).toString(), (_, value) => (value?.path === artifact.path ? changed : value)),
  );
  await storage.put(at, bytesOf(bytes));
  await storage.put(key, bytesOf(text));
  return async () => {
    await storage.put(at, bytesOf(stored));
    await storage.put(key, bytesOf(manifest));
  };
}

test("of many that are gone GitHub is asked about a hundred, others each night, and one that it has is a hole", async () => {
  await using server = await startGithub("/nonexistent");
  const path = await addRepository(server, "app", { id: 42, issues: 250, pulls: 0, commentsPerIssue: 1 });
  server.lists.set(`${path}/issues`, []);
  const backup = githubBackup(server, { skip: ["all"], include: ["issues", "issue_comments"] });
  const asked = () =>
    server.requests.splice(0).flatMap(({ path: one }) => /\/issues\/(\d+)$/.exec(one)?.slice(1).map(Number) ?? []);
  const first = await backup.run();
  assert.equal(first.status, "ok", first.manifest?.units[0]?.error?.message);
  const numbers = asked();
  assert.equal(numbers.length, 100);
  assert.ok(Math.min(...numbers) <= 3 && Math.max(...numbers) >= 248, `${numbers}`);
  const { gone, asked: told } = Object(Object(artifactOf(first, "collected").facts.checked).issues);
  assert.equal(gone, 100);
  assert.deepEqual([...(unpacked(told) ?? [])], numbers);
  assert.match((await proved(backup, first))?.proof?.detail ?? "", /, 250 references, 150 of them to what is missing/);
  const swept = backup.withOptions({ skip: ["all"], include: ["issues", "issue_comments"], full_every: "1h" });
  const inTime = new Set(numbers);
  for (let nights = 0; nights < 5; nights += 1) {
    assert.equal((await swept.run()).status, "ok");
    for (const number of asked()) inTime.add(number);
  }
  assert.equal(inTime.size, 250);
  server.objects.set(`${path}/issues/250`, { number: 250 });
  const messages: string[] = [];
  for (let nights = 0; nights < 5; nights += 1)
    messages.push((await swept.run()).manifest?.units[0]?.error?.message ?? "");
  assert.ok(
    messages.some((message) => /belongs to number 250, which GitHub has/.test(message)),
    messages.join(),
  );
});
