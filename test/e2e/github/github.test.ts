import assert from "node:assert/strict";
import { chmod, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { aGitFolder, fastImport, gitSync, showRef } from "../../support/git-repository.ts";
import { addRepository } from "../../support/github-organization.ts";
import { type Fault, type GithubServer, type Json, startGithub } from "../../support/github-server.ts";
import { configured, coreBackup, temporaryFolder } from "../core-backup.ts";

const ASSET = Buffer.from("a program, as it was released");

test("the original design's job: planned, run, restored, and each repository is what the server has", async (t) => {
  await using world = await anOrganization(["app", "site"]);
  const { server, root } = world;
  gitSync(root, ["clone", "--quiet", "--mirror", "my-org/app.git", "my-org/site.wiki.git"]);
  const command = await configuredFor(t, server);

  const plan = await command("plan", "--json");
  assert.equal(plan.code, 0, plan.stderr);
  assert.match(plan.stdout, /my-org\/app/);
  assert.match(
    plan.stderr + plan.stdout,
    /cannot read [^"]*hooks \(repository_hooks=read\)/,
    "what is going to be missing",
  );
  const run = await command("run");
  assert.equal(run.code, 0, run.stderr);
  assert.match(run.stdout, /^github-org-backup {2}ok\n/);

  const restored = await command("restore", "--job", "github-org-backup", "--to", "restored");
  assert.equal(restored.code, 0, restored.stderr);
  for (const name of ["app", "site"]) {
    const place = join(command.folder, "restored/my-org", name);
    assert.equal(showRef(join(place, "repository.git")), showRef(join(root, `my-org/${name}.git`)));
    for (const [kind, below] of [
      ["issues", "issues"],
      ["issue_comments", "issues/comments"],
      ["releases", "releases"],
    ] as const) {
      const lines = (await readFile(join(place, `${kind}.jsonl`), "utf8")).trim().split("\n");
      const there = server.lists.get(`/repos/my-org/${name}/${below}`);
      assert.deepEqual(sorted(lines.map((line): Json => JSON.parse(line))), sorted(there ?? []), `${kind} of ${name}`);
    }
    assert.ok((await readFile(join(place, "asset-9-app.zip"))).equals(ASSET));
  }
  const wiki = join(command.folder, "restored/my-org/site/wiki.git");
  assert.equal(showRef(wiki), showRef(join(root, "my-org/site.wiki.git")));
});

test("repositories that are gone, cut off, damaged or barred fail by name and by what it is, and the rest is whole; so is the next run", async (t) => {
  const names = ["whole", "gone", "cut", "altered", "rotten", "barred"];
  await using world = await anOrganization(names);
  const { server, root } = world;
  const command = await configuredFor(t, server, `repositories: [${names.join(", ")}]`);
  assert.equal((await command("run")).code, 0);

  const gone = server.objects.get("/repos/my-org/gone");
  assert.ok(gone !== undefined);
  server.objects.delete("/repos/my-org/gone");
  const usual = server.fault;
  server.fault = (path, request, query) =>
    path === "/repos/my-org/barred/labels"
      ? { status: 404, body: { message: "Not Found" } }
      : usual(path, request, query);
  const more = Buffer.alloc(300_000, "x").toString();
  const changed = ["cut", "altered", "rotten"];
  for (const name of changed)
    await fastImport(join(root, `my-org/${name}.git`), [
      `commit refs/heads/more\ncommitter A <a@example.com> 9 +0000\ndata 1\nx\nM 100644 inline big\ndata ${more.length}\n${more}\n`,
    ]);
  server.git.switches.mangle = (body, url) => {
    if (url.includes("/cut.git/")) return { body: body.subarray(0, body.byteLength - 40), end: false };
    return { body: url.includes("/altered.git/") ? flipped(body, body.indexOf("PACK") + 100) : body, end: true };
  };
  const mend = await damageObject(join(root, "my-org/rotten.git"), "more:big");

  const partial = await command("run");
  assert.equal(partial.code, 1, partial.stdout);
  assert.match(partial.stdout, /^github-org-backup {2}partial\n/);
  assert.match(partial.stdout, /my-org\/whole +unchanged/);
  for (const [name, code] of [
    ["gone", "SOURCE_NOT_FOUND"],
    ["cut", "SOURCE_TRUNCATED"],
    ["altered", "SOURCE_CORRUPT"],
    ["rotten", "SOURCE_CORRUPT"],
    ["barred", "SOURCE_FORBIDDEN"],
  ] as const)
    assert.match(partial.stdout, new RegExp(`\n {2}github-org-backup my-org/${name}: ${code}: `));

  await mend();
  server.git.switches.mangle = undefined;
  server.fault = usual;
  server.objects.set("/repos/my-org/gone", gone);
  const mended = await command("run");
  assert.equal(mended.code, 0, mended.stdout);
  for (const name of ["whole", "gone", "barred"]) assert.match(mended.stdout, new RegExp(`my-org/${name} +unchanged`));
  const restored = await command("restore", "--job", "github-org-backup", "--to", "restored");
  assert.equal(restored.code, 0, restored.stderr);
  for (const name of changed) {
    const bare = join(command.folder, `restored/my-org/${name}/repository.git`);
    assert.equal(showRef(bare), showRef(join(root, `my-org/${name}.git`)));
  }
});

test("a token that lost its private repositories is an error each night, and the last good snapshot stays until it is mended", async (t) => {
  await using world = await anOrganization(["app", "docs"]);
  const { server } = world;
  const shown = (server.lists.get("/orgs/my-org/repos") ?? []).map((one) =>
    one.name === "docs" ? { ...one, private: false, visibility: "public" } : one,
  );
  server.lists.set("/orgs/my-org/repos", shown);
  const command = await configuredFor(t, server, "", "retention: { keep_last: 1 }");
  assert.equal((await command("run")).code, 0);
  const snapshots = async (): Promise<{ snapshot: string; status: string }[]> =>
    JSON.parse((await command("list", "--json")).stdout);
  const [good] = await snapshots();

  server.lists.set("/orgs/my-org/repos", shown.slice(1));
  const usual = server.fault;
  const isHidden = (path: string) => /^\/(?:repositories\/\d+|repos\/my-org\/app(?:\/.*)?)$/.test(path);
  server.fault = (path, request, query) =>
    isHidden(path) ? { status: 404, body: { message: "Not Found" } } : usual(path, request, query);
  for (const _night of [1, 2]) {
    const run = await command("run");
    assert.equal(run.code, 1, run.stdout);
    assert.match(run.stdout, /^github-org-backup {2}partial\n/);
    assert.match(run.stdout, /\n {2}github-org-backup my-org\/app: SOURCE_FORBIDDEN: /);
    assert.equal((await command("prune")).code, 0);
  }
  const plan = await command("plan", "--json");
  assert.match(plan.stdout + plan.stderr, /none of the private repositories of my-org is/);
  assert.ok((await snapshots()).some(({ snapshot, status }) => snapshot === good?.snapshot && status === "ok"));
  const restored = await command(
    "restore",
    "--job",
    "github-org-backup",
    "--snapshot",
    good?.snapshot ?? "",
    "--to",
    "old",
  );
  assert.equal(restored.code, 0, restored.stderr);
  assert.equal(
    showRef(join(command.folder, "old/my-org/app/repository.git")),
    showRef(join(world.root, "my-org/app.git")),
  );

  server.fault = usual;
  server.lists.set("/orgs/my-org/repos", shown);
  const mended = await command("run");
  assert.equal(mended.code, 0, mended.stdout);
  assert.match(mended.stdout, /my-org\/app +unchanged/);
});

/** Damages the object where it lies, as a disk does. What it answers makes it good again. */
async function damageObject(repository: string, revision: string): Promise<() => Promise<void>> {
  const oid = gitSync(repository, ["rev-parse", revision]).trim();
  const path = join(repository, "objects", oid.slice(0, 2), oid.slice(2));
  const content = await readFile(path);
  await chmod(path, 0o600);
  await writeFile(path, flipped(content, content.byteLength >> 1));
  return () => writeFile(path, content);
}

function flipped(bytes: Buffer, at: number): Buffer {
  const other = Buffer.from(bytes);
  other.writeUInt8(other.readUInt8(at) ^ 0xff, at);
  return other;
}

/** Repositories with a release each. Their hooks are nobody's business. */
async function anOrganization(names: readonly string[]) {
  const folder = await aGitFolder();
  const server = await startGithub(folder.path);
  for (const [n, name] of names.entries()) {
    const path = await addRepository(server, name, {
      id: 42 + n,
      root: folder.path,
      issues: 120,
      object: { has_wiki: name === "site" },
    });
    const asset = { id: 9, name: "app.zip", size: ASSET.length, state: "uploaded", updated_at: "2026-01-01" };
    server.lists.set(`${path}/releases`, [{ id: n + 1, tag_name: "v1", body: "notes", assets: [asset] }]);
  }
  server.files.set("/asset", { status: 200, body: ASSET });
  server.fault = (path): Fault | undefined => {
    if (path.endsWith("/releases/assets/9")) return { status: 302, headers: { location: `${server.webUrl}/asset` } };
    if (!path.endsWith("/hooks")) return undefined;
    return {
      status: 403,
      headers: { "x-accepted-github-permissions": "repository_hooks=read" },
      body: { message: "Resource not accessible by personal access token" },
    };
  };
  return {
    server,
    root: folder.path,
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

/** As in config/examples/original.yml, with where this GitHub is. */
async function configuredFor(
  t: Parameters<typeof temporaryFolder>[0],
  { apiUrl, webUrl, token }: GithubServer,
  repositories = "repositories: [...]",
  retention = "retention_days: 30",
) {
  const folder = await temporaryFolder(t);
  const file = await configured(
    folder,
    `jobs:
  - name: github-org-backup
    service: github
    schedule: 0 3 * * *
    ${retention}
    target_storage: local
    verify: { prove: true }
    options:
      organization: my-org
      ${repositories}
      skip: [organization]
      api_url: ${apiUrl}
      web_url: ${webUrl}
storage:
  local: { type: filesystem, base_path: "${join(folder, "backups")}" }
`,
  );
  const command = async (...args: readonly string[]) =>
    coreBackup([...args, "--config", file], { cwd: folder, env: { GITHUB_TOKEN: token } });
  return Object.assign(command, { folder });
}

const sorted = (items: readonly Json[]): readonly Json[] => items.toSorted((a, b) => Number(a.id) - Number(b.id));
