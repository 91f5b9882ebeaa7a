import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { appendFile, mkdir, readdir, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { describe, test } from "node:test";
import { SourceError } from "../../lib/errors.ts";
import { context } from "../contract/connector.ts";
import { backUp, cloneOf, type Entry, gitConnector } from "../support/git-backup.ts";
import { aGitFolder, aRepository, gitSync, manyRefs, objectCount, showRef } from "../support/git-repository.ts";
import { type GitServer, startGitServer } from "../support/git-server.ts";

type Protocol = "v2" | "v0" | "dumb" | "path" | "file";
const PROTOCOLS: readonly Protocol[] = ["v2", "v0", "dumb", "path", "file"];

/** How the repository is named by each of the ways to it. */
function entryFor(protocol: Protocol, server: GitServer, path: string): string {
  if (protocol === "path") return path;
  if (protocol === "file") return `file://${path}`;
  server.switches.protocol = protocol;
  if (protocol === "dumb") gitSync(path, ["update-server-info"]);
  return `${server.url}/${path.split("/").at(-1)}`;
}

async function scene() {
  const folder = await aGitFolder();
  await mkdir(join(folder.path, "served"));
  const root = join(folder.path, "served");
  const server = await startGitServer(root);
  return {
    root,
    server,
    folder: folder.path,
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

for (const protocol of PROTOCOLS) {
  describe(`git by ${protocol}`, () => {
    for (const objectFormat of ["sha1", "sha256"] as const) {
      test(`a ${objectFormat} repository is restored to the byte by git alone, refs of all kinds included`, async () => {
        await using at = await scene();
        const path = await aRepository(at.root, { objectFormat, bigFileBytes: 300_000, commits: 40 });
        const made = await backUp(entryFor(protocol, at.server, path), at.folder);
        const clone = cloneOf(made, at.folder);
        assert.equal(clone.refs, showRef(path));
        clone.fsck();
        assert.equal(gitSync(clone.path, ["symbolic-ref", "HEAD"]), "refs/heads/main\n");
        const expected = { refs: 7, objects: objectCount(path), head: "refs/heads/main", objectFormat };
        assert.deepEqual({ ...made.facts, refsSha256: "" }, { ...expected, refsSha256: "" });
        assert.equal(made.restore, "git clone --mirror {} repository.git");
      });
    }

    test("a detached HEAD is kept, with the commits that only it reaches", async () => {
      await using at = await scene();
      const path = await aRepository(at.root);
      const lost = gitSync(path, ["commit-tree", "-m", "only HEAD has it", "main^{tree}"]).trim();
      gitSync(path, ["update-ref", "--no-deref", "HEAD", lost]);
      const made = await backUp(entryFor(protocol, at.server, path), at.folder);
      assert.equal(made.facts.head, lost);
      const clone = cloneOf(made, at.folder);
      assert.equal(gitSync(clone.path, ["rev-parse", "HEAD"]).trim(), lost);
    });

    test("an empty repository is SOURCE_EMPTY before anything is given", async () => {
      await using at = await scene();
      const path = join(at.root, "empty.git");
      gitSync(at.root, ["init", "--quiet", "--bare", path]);
      await assert.rejects(
        backUp(entryFor(protocol, at.server, path), at.folder),
        (error) => error instanceof SourceError && error.code === "SOURCE_EMPTY",
      );
      assert.deepEqual((await readdir(at.folder)).toSorted(), ["served"]);
    });
  });
}

for (const protocol of ["v2", "v0", "path"] as const) {
  test(`a shallow clone is refused with what to do (${protocol})`, async () => {
    await using at = await scene();
    const whole = await aRepository(at.root);
    const path = join(at.root, "shallow.git");
    gitSync(at.root, ["clone", "--quiet", "--bare", "--depth=1", `file://${whole}`, path]);
    await assert.rejects(
      backUp(entryFor(protocol, at.server, path), at.folder),
      (error) => error instanceof SourceError && error.code === "SOURCE_SHALLOW" && /--unshallow/.test(error.message),
    );
  });

  test(`12,000 refs come whole (${protocol})`, async () => {
    await using at = await scene();
    const path = await aRepository(at.root);
    manyRefs(path, 12_000);
    const made = await backUp(entryFor(protocol, at.server, path), at.folder);
    assert.equal(made.facts.refs, 12_007);
    assert.equal(cloneOf(made, at.folder).refs, showRef(path));
  });
}

for (const protocol of ["v2", "path"] as const) {
  test(`HEAD that names a branch without commits is remembered (${protocol})`, async () => {
    await using at = await scene();
    const path = await aRepository(at.root);
    gitSync(path, ["symbolic-ref", "HEAD", "refs/heads/not/yet"]);
    const made = await backUp(entryFor(protocol, at.server, path), at.folder);
    assert.equal(made.facts.head, "refs/heads/not/yet");
    assert.equal(cloneOf(made, at.folder).refs, showRef(path));
  });
}

test("a ref name that is no UTF-8 is kept byte by byte", async () => {
  await using at = await scene();
  const path = await aRepository(at.root);
  const oid = gitSync(path, ["rev-parse", "main"]).trim();
  gitSync(path, ["update-ref", "--stdin"], Buffer.from(`create refs/heads/caf\xe9 ${oid}\n`, "latin1"));
  assert.match(showRef(path), /refs\/heads\/caf\xe9\n/);
  const made = await backUp(`${at.server.url}/app.git`, at.folder);
  assert.equal(cloneOf(made, at.folder).refs, showRef(path));
});

test("a checkout is read through its .git, and a repository elsewhere through a relative path", async () => {
  await using at = await scene();
  const path = await aRepository(at.root);
  const checkout = join(at.root, "checkout");
  gitSync(at.root, ["clone", "--quiet", path, checkout]);
  const made = await backUp(relative(process.cwd(), checkout), at.folder);
  assert.equal(cloneOf(made, at.folder).refs, showRef(checkout));
});

test("`refs` keeps what it names, warns of what it does not find, and gives another fingerprint", async () => {
  await using at = await scene();
  await aRepository(at.root);
  const url = `${at.server.url}/app.git`;
  for (const protocol of ["v2", "v0"] as const) {
    at.server.switches.protocol = protocol;
    const all = await backUp(url, at.folder);
    const some = await backUp(
      { url, refs: ["refs/heads/*", "refs/tags/v?", "refs/nothing/*"] } satisfies Entry,
      at.folder,
    );
    assert.notEqual(some.unit.fingerprint, all.unit.fingerprint);
    assert.deepEqual(
      some.warnings.map(({ code, message }) => [code, message]),
      [["GIT_REFS_UNMATCHED", "no ref of 127.0.0.1/app matches refs/nothing/*"]],
    );
    const listed = gitSync(at.folder, ["bundle", "list-heads", some.bundle]);
    const names = listed
      .trim()
      .split("\n")
      .map((line) => line.slice(41));
    assert.deepEqual(names, ["HEAD", "refs/heads/feature/Ã¼nÃ¯'code\"$(x)", "refs/heads/main", "refs/tags/v1"]);
  }
});

test("`refs` that match nothing at all are an error, not an empty repository", async () => {
  await using at = await scene();
  await aRepository(at.root);
  await assert.rejects(
    backUp({ url: `${at.server.url}/app.git`, refs: ["refs/heads/mian"] }, at.folder),
    (error) =>
      error instanceof SourceError && error.code === "SOURCE_NOT_FOUND" && /refs\/heads\/mian/.test(error.message),
  );
});

test("the fingerprint changes with a ref, a new ref and HEAD, and with nothing else", async () => {
  await using at = await scene();
  const path = await aRepository(at.root);
  const connector = await gitConnector([`${at.server.url}/app.git`]);
  const fingerprint = async () => {
    const [unit] = await Array.fromAsync(connector.units(new AbortController().signal));
    assert.ok(unit?.fingerprint !== undefined);
    return unit.fingerprint;
  };
  const first = await fingerprint();
  gitSync(path, ["gc", "--quiet"]);
  assert.equal(await fingerprint(), first);
  at.server.switches.protocol = "v0";
  assert.equal(await fingerprint(), first, "the protocol is no difference");
  at.server.switches.protocol = "v2";
  const seen = new Set([first]);
  for (const change of [
    ["update-ref", "refs/heads/main", "main~1"],
    ["update-ref", "refs/notes/more", "main"],
    ["symbolic-ref", "HEAD", "refs/heads/none"],
  ]) {
    gitSync(path, change);
    seen.add(await fingerprint());
  }
  assert.equal(seen.size, 4);
});

test("one repository that is not there leaves the others alone, and fails by itself", async () => {
  await using at = await scene();
  await aRepository(at.root);
  const entries = [
    `${at.server.url}/gone.git`,
    join(at.root, "nowhere"),
    "http://127.0.0.1:1/refused.git",
    `${at.server.url}/app.git`,
  ];
  const connector = await gitConnector(entries);
  const { signal } = new AbortController();
  const units = await Array.fromAsync(connector.units(signal));
  assert.deepEqual(
    units.map(({ fingerprint }) => fingerprint !== undefined),
    [false, false, false, true],
  );
  const codes: string[] = [];
  for (const unit of units) {
    const error = await Array.fromAsync(connector.collect(unit, context(signal))).then(
      () => undefined,
      (thrown) => thrown,
    );
    codes.push(error?.code ?? "ok");
  }
  assert.deepEqual(codes, ["SOURCE_NOT_FOUND", "SOURCE_NOT_FOUND", "SOURCE_UNAVAILABLE", "ok"]);
});

test("units come in the order of the options, also when there are more than are listed at once", async () => {
  await using at = await scene();
  await aRepository(at.root);
  const entries = Array.from({ length: 20 }, (_, index) => ({
    url: `${at.server.url}/app.git`,
    name: `copy-${index}`,
  }));
  const units = await Array.fromAsync((await gitConnector(entries)).units(new AbortController().signal));
  assert.deepEqual(
    units.map(({ id }) => id),
    entries.map(({ name }) => name),
  );
});

test("a repository of another user is refused with the command that mends it", { skip: cannotGiveAway() }, async () => {
  await using at = await scene();
  const path = await aRepository(at.root);
  execFileSync("chown", ["-R", "nobody", path]);
  await assert.rejects(backUp(path, at.folder), (error) => {
    assert.ok(error instanceof SourceError);
    assert.equal(error.code, "SOURCE_FORBIDDEN");
    assert.ok(error.message.endsWith(`git config --global --add safe.directory ${path}`), error.message);
    return true;
  });
});

test("a partial clone is an error, and what it lacks is not fetched", async () => {
  await using at = await scene();
  const whole = await aRepository(at.root, { commits: 20 });
  gitSync(whole, ["config", "uploadpack.allowFilter", "true"]);
  const path = join(at.root, "partial.git");
  gitSync(at.root, ["clone", "--quiet", "--bare", "--filter=blob:none", `file://${whole}`, path]);
  const before = gitSync(path, ["count-objects", "-v"]);
  await assert.rejects(backUp(path, at.folder), SourceError);
  assert.equal(gitSync(path, ["count-objects", "-v"]), before);
});

test("hooks of a repository are not run by reading it", async () => {
  await using at = await scene();
  const path = await aRepository(at.root);
  const hook = join(at.root, "hook");
  await writeFile(hook, `#!/bin/sh\ntouch ${at.root}/ran\nexec "$@"\n`, { mode: 0o755 });
  await appendFile(
    join(path, "config"),
    `[uploadpack]\n\tpackObjectsHook = ${hook}\n[core]\n\thooksPath = ${at.root}\n\tfsmonitor = ${hook}\n`,
  );
  await backUp(path, at.folder);
  assert.equal((await readdir(at.root)).includes("ran"), false);
});

function cannotGiveAway(): string | false {
  if (process.getuid?.() !== 0) return "needs root to give a folder to another user";
  const trusted = spawnSync("git", ["config", "--get-all", "safe.directory"], { encoding: "utf8" }).stdout;
  return trusted.split("\n").includes("*") ? "git trusts every folder here" : false;
}
