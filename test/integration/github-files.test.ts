import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { describe, test } from "node:test";
import { bytesOf } from "../../lib/bytes.ts";
import { github } from "../../lib/connectors/github/github.ts";
import { snapshotPrefix } from "../../lib/keys.ts";
import { limitEgress } from "../../lib/network/egress.ts";
import { egressList } from "../../lib/network/egress-list.ts";
import { restore } from "../../lib/restore/restore.ts";
import type { JobResult } from "../../lib/run.ts";
import { verify } from "../../lib/verify.ts";
import { patternBytes } from "../support/bytes.ts";
import { aGitFolder, gitSync } from "../support/git-repository.ts";
import { githubBackup } from "../support/github-backup.ts";
import { addRepository } from "../support/github-organization.ts";
import { startGithub } from "../support/github-server.ts";
import { noLfs, startLfsServer } from "../support/lfs-server.ts";
import { aLfsWorld, lfsObjects, oidOf } from "../support/lfs-world.ts";
import { runWithin } from "../support/run-within.ts";

const unitOf = (result: JobResult) => result.manifest?.units[0];
const namesOf = (result: JobResult, beginning: string) =>
  (unitOf(result)?.artifacts ?? [])
    .map(({ path, reusedFrom }) => `${path.split("/").at(-1)}${reusedFrom === undefined ? "" : " reused"}`)
    .filter((name) => name.startsWith(beginning));

/** Where release files really lie: another host, which is to see no credentials. */
async function startFiles(content: Buffer) {
  const seen: (string | undefined)[] = [];
  const state = { bytes: content.byteLength, busy: 0, retryAfter: "0" };
  const server = createServer((request, response) => {
    seen.push(request.headers.authorization);
    if (state.busy > 0) {
      state.busy -= 1;
      response.writeHead(503, { "retry-after": state.retryAfter }).end();
      return;
    }
    response.writeHead(200, { "content-length": state.bytes });
    response.end(content.subarray(0, state.bytes));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    state,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

describe("files of releases", () => {
  const content = Buffer.from(patternBytes(300_000));
  const digest = `sha256:${createHash("sha256").update(content).digest("hex")}`;

  async function aRelease(asset: object) {
    const server = await startGithub("/nonexistent");
    const files = await startFiles(content);
    const path = await addRepository(server, "app", { id: 42 });
    const given = {
      id: 9,
      name: "app 1.0.tar.gz",
      size: content.byteLength,
      state: "uploaded",
      updated_at: "2026-01-01T00:00:00Z",
      digest,
      ...asset,
    };
    server.lists.set(`${path}/releases`, [
      {
        id: 1,
        tag_name: "v1",
        assets: [given, { id: 10, name: "half", size: 0, state: "starter", updated_at: "2026-01-01T00:00:00Z" }],
      },
    ]);
    server.fault = (asked) =>
      asked === `${path}/releases/assets/9` ? { status: 302, headers: { location: `${files.url}/x` } } : undefined;
    const backup = githubBackup(server, { skip: ["all"], include: ["assets"] });
    return {
      server,
      files,
      backup,
      async [Symbol.asyncDispose]() {
        await server[Symbol.asyncDispose]();
        await files[Symbol.asyncDispose]();
      },
    };
  }

  test("are stored, compared with GitHub's digest, taken over next time, and the token stays with GitHub", async () => {
    await using world = await aRelease({});
    const first = await world.backup.run();
    assert.equal(first.status, "ok", unitOf(first)?.error?.message);
    assert.deepEqual(namesOf(first, "asset"), ["asset-9-app%201.0.tar.gz.bin"]);
    assert.deepEqual(world.files.seen, [undefined]);
    assert.equal(
      first.verification?.artifacts.find(({ path }) => path.includes("asset"))?.proof?.detail,
      "300000 bytes, SHA-256",
    );
    const second = await world.backup.run();
    assert.deepEqual(namesOf(second, "asset"), ["asset-9-app%201.0.tar.gz.bin reused"]);
    assert.deepEqual([unitOf(second)?.status, world.files.seen.length], ["unchanged", 1]);
  });

  test("are asked for as everything of the API is: GitHub's limits are waited for, and the request counts", async () => {
    await using world = await aRelease({});
    const { fault } = world.server;
    let asked = 0;
    world.server.fault = (path, ...rest) => {
      if (!path.endsWith("/assets/9")) return fault(path, ...rest);
      asked += 1;
      if (asked > 1) return fault(path, ...rest);
      return {
        status: 403,
        headers: { "retry-after": "0" },
        body: { message: "You have exceeded a secondary rate limit" },
      };
    };
    const result = await world.backup.run();
    assert.equal(result.status, "ok", unitOf(result)?.error?.message);
    assert.equal(asked, 2);
    assert.deepEqual(world.files.seen, [undefined]);
    const made = world.server.requests.filter(({ path }) => path.startsWith("/repos/my-org/app"));
    const collected = unitOf(result)?.artifacts.find(({ path }) => path.includes("collected"));
    assert.equal(Object(collected?.facts.stats).requests, made.length);
  });

  test("that the storage gives at the second time are stored, and nothing else is asked for again", async () => {
    await using world = await aRelease({});
    world.files.state.busy = 1;
    const result = await world.backup.run();
    assert.equal(result.status, "ok", unitOf(result)?.error?.message);
    assert.deepEqual([namesOf(result, "asset").length, world.files.seen.length], [1, 2]);
    assert.equal(world.server.requests.filter(({ path }) => path.endsWith("/releases")).length, 1);
  });

  test("one whose storage wants a longer wait fails by itself, and holds up no run of functions", async () => {
    await using world = await aRelease({});
    Object.assign(world.files.state, { busy: 1, retryAfter: "120" });
    await assert.rejects(runWithin(world.backup, world.server, 1000), /^AssertionError.*: assets: .*503/);
    assert.equal(world.files.seen.length, 1);
    const next = await world.backup.run();
    assert.deepEqual([next.status, namesOf(next, "asset").length], ["ok", 1]);
  });

  test("that the API itself cannot give are asked for four times in all", async () => {
    await using world = await aRelease({});
    let asked = 0;
    world.server.fault = (path) => {
      if (!path.endsWith("/assets/9")) return undefined;
      asked += 1;
      return { status: 502, body: "<html>" };
    };
    const result = await world.backup.run();
    assert.match(unitOf(result)?.error?.message ?? "", /^assets: .*502/);
    assert.equal(asked, 4);
  });

  test("that the API itself gives are stored as they come", async () => {
    const text = JSON.stringify("the file");
    await using world = await aRelease({ size: text.length, digest: null });
    world.server.fault = (path) => (path.endsWith("/assets/9") ? { status: 200, body: "the file" } : undefined);
    const result = await world.backup.run();
    assert.equal(result.status, "ok", unitOf(result)?.error?.message);
    assert.equal(namesOf(result, "asset").length, 1);
  });

  test("of a release that GitHub describes otherwise than expected fail the repository, and the release is stored", async () => {
    await using world = await aRelease({ size: "many" });
    const result = await world.backup.run();
    assert.deepEqual([result.status, unitOf(result)?.error?.code], ["partial", "SOURCE_PROTOCOL"]);
    assert.match(unitOf(result)?.error?.message ?? "", /assets: the files of release v1 cannot be read/);
    assert.deepEqual(namesOf(result, "releases"), ["releases.jsonl.zst"]);
    const [collected] = (await world.backup.stored(result, "my-org/app", "collected")) ?? [];
    assert.equal(Object(collected?.kinds).assets.state, "FAILED");
  });

  test("are taken over from a repository that fails for another thing each night, and not where they changed", async () => {
    await using world = await aRelease({});
    const { server } = world;
    const others = server.fault;
    server.fault = (path, ...rest) =>
      path.endsWith("/labels") ? { status: 200, body: "no list" } : others(path, ...rest);
    const backup = world.backup.withOptions({ skip: ["all"], include: ["labels", "assets"] });
    for (const reused of ["", " reused"]) {
      const result = await backup.run();
      assert.equal(result.status, "partial");
      assert.deepEqual(namesOf(result, "asset"), [`asset-9-app%201.0.tar.gz.bin${reused}`]);
    }
    const [release] = server.lists.get("/repos/my-org/app/releases") ?? [];
    const assets = Object(release).assets.map((one: object) => ({ ...one, updated_at: "2026-02-02T00:00:00Z" }));
    server.lists.set("/repos/my-org/app/releases", [{ ...release, assets }]);
    assert.deepEqual(namesOf(await backup.run(), "asset"), ["asset-9-app%201.0.tar.gz.bin"]);
    assert.equal(world.files.seen.length, 2);
  });

  test("one that comes short, or is not what GitHub says, fails its repository, and the rest is stored", async () => {
    for (const [asset, code] of [
      [{ size: 300_001 }, "SOURCE_TRUNCATED"],
      [{ digest: `sha256:${"0".repeat(64)}` }, "SOURCE_CORRUPT"],
    ] as const) {
      await using world = await aRelease(asset);
      const result = await world.backup.run();
      assert.deepEqual([result.status, unitOf(result)?.error?.code], ["partial", code]);
      assert.deepEqual(namesOf(result, "asset"), []);
      assert.deepEqual(namesOf(result, "releases"), ["releases.jsonl.zst"]);
    }
  });
});

describe("LFS, with a server and a client that others wrote", { skip: noLfs }, () => {
  test("objects of all refs are stored once, and what is restored is what git lfs wants", async () => {
    await using folder = await aGitFolder();
    await using lfs = await startLfsServer();
    await using server = await startGithub(folder.path);
    await addRepository(server, "app", { id: 42 });
    const others = server.git.switches.answer;
    server.git.switches.answer = (request, response) => lfs.answer(request, response) || others(request, response);
    const work = await aRepositoryWithLfs(folder.path, `${lfs.url}/my-org/app.git/info/lfs`);

    const backup = githubBackup(server, { skip: ["all"], include: ["git", "lfs"] });
    const first = await backup.run();
    assert.equal(first.status, "ok", unitOf(first)?.error?.message);
    assert.equal(namesOf(first, "lfs-").length, 3);
    assert.deepEqual(
      (await backup.stored(first, "my-org/app", "lfs"))?.map(({ state }) => state),
      ["STORED", "STORED", "STORED"],
    );

    const to = join(folder.path, "restored");
    await restore({ ...backup.a.backup, kind: () => github }, { job: "docs", to, force: false });
    const place = join(to, "my-org/app");
    gitSync(place, ["clone", "--quiet", "--branch", "other", "repository.git", "work"]);
    gitSync(join(place, "work"), ["config", "lfs.storage", join(place, "lfs")]);
    gitSync(join(place, "work"), ["lfs", "install", "--local"]);
    gitSync(join(place, "work"), ["lfs", "fsck"]);
    gitSync(join(place, "work"), ["lfs", "checkout"]);
    assert.ok((await readFile(join(place, "work/b.bin"))).equals(await readFile(join(work, "b.bin"))));

    const second = await backup.run();
    assert.equal(unitOf(second)?.status, "unchanged");
    assert.equal(namesOf(second, "lfs-").filter((name) => name.endsWith("reused")).length, 3);
  });

  test("an object that the server does not have is told by name, and the others are stored", async () => {
    await using folder = await aGitFolder();
    await using lfs = await startLfsServer();
    await using server = await startGithub(folder.path);
    await addRepository(server, "app", { id: 42 });
    const others = server.git.switches.answer;
    server.git.switches.answer = (request, response) => lfs.answer(request, response) || others(request, response);
    const work = await aRepositoryWithLfs(folder.path, `${lfs.url}/my-org/app.git/info/lfs`);
    await writeFile(join(work, "lost.bin"), "never pushed");
    gitSync(work, ["add", "lost.bin"]);
    gitSync(work, ["commit", "--quiet", "--message", "lost"]);
    gitSync(work, ["-c", "core.hooksPath=/dev/null", "push", "--quiet", "origin", "other"]);
    const backup = githubBackup(server, { skip: ["all"], include: ["git", "lfs"] });
    const result = await backup.run();
    assert.equal(result.status, "ok", unitOf(result)?.error?.message);
    assert.deepEqual(
      result.manifest?.warnings.map(({ code }) => code),
      ["GITHUB_LFS_MISSING"],
    );
    assert.deepEqual((await backup.stored(result, "my-org/app", "lfs"))?.map(({ state }) => state).sort(), [
      "MISSING",
      "STORED",
      "STORED",
      "STORED",
    ]);
  });
});

describe("LFS objects that are not to be had", () => {
  const given = (url: string) => lfsObjects.map((content, n) => placeOf(url, n, content));
  const placeOf = (url: string, n: number, content: Buffer): object => ({
    oid: oidOf(content),
    actions: { download: { href: `${url}/object/${n}` } },
  });
  const [good] = lfsObjects;
  /** The first object is to be had, and of the second the batch API says this. */
  const secondIs = (second: readonly object[]) => (url: string) => ({
    status: 200,
    body: { objects: [placeOf(url, 0, good), ...second] },
  });

  test("one that is damaged fails the repository, and the others are stored and named", async () => {
    await using world = await aLfsWorld((url) => ({ status: 200, body: { objects: given(url) } }));
    world.damage(1);
    const result = await world.backup.run();
    assert.equal(unitOf(result)?.error?.code, "SOURCE_CORRUPT");
    assert.deepEqual(namesOf(result, "lfs-"), [`lfs-${oidOf(good)}.bin`]);
    assert.deepEqual(
      await world.states(result),
      new Map(lfsObjects.map((content, n) => [oidOf(content), n === 0 ? "STORED" : "FAILED"])),
    );
    const [collected] = (await world.backup.stored(result, "my-org/app", "collected")) ?? [];
    assert.equal(Object(collected?.kinds).lfs.state, "FAILED");
    // What the unit stored that was never whole is not asked for again.
    const asked = world.asked.length;
    const second = await world.backup.run();
    assert.deepEqual(namesOf(second, "lfs-"), [`lfs-${oidOf(good)}.bin reused`]);
    assert.deepEqual(namesOf(second, "repository.bundle"), ["repository.bundle reused"]);
    assert.deepEqual(world.asked.slice(asked), [1]);
    // Nor is it forgotten.
    world.server.lists.set("/orgs/my-org/repos", []);
    world.server.objects.delete("/repos/my-org/app");
    for (const { status, manifest } of [await world.backup.run(), await world.backup.run()])
      assert.deepEqual(
        [status, manifest?.units.map(({ id, error }) => [id, error?.code])],
        ["failed", [["my-org/app", "SOURCE_FORBIDDEN"]]],
      );
  });

  test("one that the server refuses or cannot give is no missing one, and one that it does not have is", async () => {
    for (const [code, state, error] of [
      [404, "MISSING", undefined],
      [410, "MISSING", undefined],
      [403, "FAILED", "SOURCE_FORBIDDEN"],
      [503, "FAILED", "SOURCE_UNAVAILABLE"],
      [507, "FAILED", "SOURCE_FORBIDDEN"],
      [509, "FAILED", "SOURCE_FORBIDDEN"],
    ] as const) {
      const second = { oid: oidOf(lfsObjects[1]), error: { code, message: "no such luck" } };
      await using world = await aLfsWorld(secondIs([second]));
      const result = await world.backup.run();
      assert.equal(unitOf(result)?.error?.code, error, String(code));
      assert.deepEqual(
        await world.states(result),
        new Map(lfsObjects.map((content, n) => [oidOf(content), n === 0 ? "STORED" : state])),
        String(code),
      );
    }
  });

  test("one whose storage asks to come back is asked for then, and not before", async () => {
    await using world = await aLfsWorld((url) => ({ status: 200, body: { objects: given(url) } }));
    const { switches } = world.server.git;
    const others = switches.answer;
    const asked: number[] = [];
    switches.answer = (request, response) => {
      if (request.url !== "/object/1") return others(request, response);
      asked.push(performance.now());
      if (asked.length > 1) return others(request, response);
      response.writeHead(503, { "retry-after": "1" }).end();
      return true;
    };
    const result = await world.backup.run();
    assert.equal(result.status, "ok", unitOf(result)?.error?.message);
    assert.deepEqual(new Set((await world.states(result)).values()), new Set(["STORED"]));
    const [first = 0, second = 0] = asked;
    // Timers may be a millisecond early.
    assert.ok(second - first > 990, `asked again after ${second - first} ms`);
  });

  test("one that the batch API leaves out, or gives no download for, fails the repository: that says nothing of it", async () => {
    for (const second of [[], [{ oid: oidOf(lfsObjects[1]), size: 140 }]]) {
      await using world = await aLfsWorld(secondIs(second));
      const result = await world.backup.run();
      assert.equal(unitOf(result)?.error?.code, "SOURCE_PROTOCOL");
      assert.deepEqual(new Set((await world.states(result)).values()), new Set(["STORED", "FAILED"]));
    }
  });

  const missing = lfsObjects.map((content) => ({ oid: oidOf(content), error: { code: 404, message: "not here" } }));

  test("those of a server that .lfsconfig names and that is not GitHub are no missing ones: the repository fails", async () => {
    await using world = await aLfsWorld(() => ({ status: 200, body: { objects: missing } }));
    world.configure("[lfs]\n\turl = https://user:canary-password@lfs.example/my-org/app\n");
    const result = await world.backup.run();
    const { error } = unitOf(result) ?? {};
    assert.deepEqual([result.status, error?.code], ["partial", "SOURCE_REDIRECTED"]);
    assert.match(error?.message ?? "", /^lfs: 2 LFS objects are not at GitHub, .* at lfs\.example, which is not asked/);
    assert.doesNotMatch(error?.message ?? "", /canary/);
    assert.deepEqual(new Set((await world.states(result)).values()), new Set(["FAILED"]));
    assert.deepEqual(namesOf(result, "repository.bundle"), ["repository.bundle"]);
    world.configure("[lfs\n");
    const broken = await world.backup.run();
    assert.equal(unitOf(broken)?.error?.code, "SOURCE_FAILED");
    assert.match(unitOf(broken)?.error?.message ?? "", /^lfs: \.lfsconfig of the default branch cannot be read: git /);
    assert.deepEqual(namesOf(broken, "collected"), ["collected.json.zst"]);
  });

  test("those of another repository at the same GitHub, which .lfsconfig names, are stored", async () => {
    const asked: string[] = [];
    await using world = await aLfsWorld((url, path) => {
      asked.push(path);
      return { status: 200, body: { objects: path.startsWith("/my-org/other.git/") ? given(url) : missing } };
    });
    world.configure(`[lfs]\n\turl = ${world.server.webUrl}/my-org/other.git/info/lfs\n`);
    const result = await world.backup.run();
    assert.equal(result.status, "ok", unitOf(result)?.error?.message);
    assert.deepEqual(result.manifest?.warnings, []);
    assert.deepEqual(new Set((await world.states(result)).values()), new Set(["STORED"]));
    assert.deepEqual(
      asked,
      ["app", "other"].map((name) => `/my-org/${name}.git/info/lfs/objects/batch`),
    );
    assert.equal(unitOf(await world.backup.run())?.status, "unchanged");
    assert.equal(asked.length, 2);
    // A copy that is gone is had from there again.
    const last = await world.backup.run();
    const { storage } = world.backup.a;
    const path = unitOf(last)?.artifacts.find((one) => one.path.includes(oidOf(good)))?.path ?? "";
    await storage.remove([snapshotPrefix("docs", last.snapshot ?? "") + path]);
    const mended = await world.backup.run();
    assert.equal(mended.status, "ok", unitOf(mended)?.error?.message);
    assert.equal((await world.states(mended)).get(oidOf(good)), "STORED");
    assert.ok(namesOf(mended, "lfs-").includes(`lfs-${oidOf(good)}.bin`));
    assert.equal(asked.length, 4);
  });

  for (const [what, damaged] of [
    ["whose copy is damaged", [oidOf(lfsObjects[1])]],
    ["whose copy is damaged with the list of all", [oidOf(lfsObjects[1]), "lfs.jsonl"]],
  ] as const)
    test(`one that was stored, ${what}, and that the server has no more is lost, which fails night after night`, async () => {
      const [, second] = lfsObjects;
      let isThere = true;
      const missing = { oid: oidOf(second), error: { code: 404, message: "no such object" } };
      await using world = await aLfsWorld((url) =>
        isThere ? { status: 200, body: { objects: given(url) } } : { status: 200, body: { objects: [missing] } },
      );
      const { backup } = world;
      const { storage, backup: context } = backup.a;
      await backup.run();
      const { snapshot = "", manifest } = await backup.run();
      for (const { path } of manifest?.units[0]?.artifacts ?? [])
        if (damaged.some((name) => path.includes(name)))
          await storage.put(snapshotPrefix("docs", snapshot) + path, bytesOf("x".repeat(second.length)));
      const verified = await verify({ ...context, kind: () => github }, { job: "docs", snapshot, mode: "checksum" });
      assert.equal(verified.ok, false);
      isThere = false;
      for (const _ of [3, 4]) {
        const result = await backup.run();
        assert.equal(unitOf(result)?.error?.code, "SOURCE_NOT_FOUND");
        assert.match(unitOf(result)?.error?.message ?? "", /does not have the LFS object .* any more/);
        assert.deepEqual(namesOf(result, "lfs-"), [`lfs-${oidOf(good)}.bin reused`]);
        assert.equal((await world.states(result)).get(oidOf(second)), "FAILED");
      }
      isThere = true;
      assert.equal((await backup.run()).status, "ok");
    });

  test("one that is lost counts as one that never was there after a run with lfs in skip, as the error says", async () => {
    const [, second] = lfsObjects;
    let objects = given;
    await using world = await aLfsWorld((url) => ({ status: 200, body: { objects: objects(url) } }));
    const { backup } = world;
    const { storage, backup: context } = backup.a;
    await backup.run();
    const { snapshot = "", manifest } = await backup.run();
    const path = manifest?.units[0]?.artifacts.find((one) => one.path.includes(oidOf(second)))?.path ?? "";
    await storage.put(snapshotPrefix("docs", snapshot) + path, bytesOf("x".repeat(second.length)));
    await verify({ ...context, kind: () => github }, { job: "docs", snapshot, mode: "checksum" });
    const missing = { oid: oidOf(second), error: { code: 404, message: "no such object" } };
    objects = (url) => [...given(url).filter((_, n) => n !== 1), missing];
    const lost = await backup.run();
    assert.match(unitOf(lost)?.error?.message ?? "", /or run once with lfs in skip/);
    assert.equal((await backup.withOptions({ skip: ["all"], include: ["git"] }).run()).status, "ok");
    const after = await backup.run();
    assert.deepEqual([after.status, (await world.states(after)).get(oidOf(second))], ["ok", "MISSING"]);
  });

  test("a missing one is asked for and warned of in each run, though no ref changes, until it is there", async () => {
    let isPushed = false;
    const missing = { oid: oidOf(lfsObjects[1]), error: { code: 404, message: "no such object" } };
    await using world = await aLfsWorld((url) =>
      isPushed ? { status: 200, body: { objects: given(url).slice(1) } } : secondIs([missing])(url),
    );
    for (const status of ["ok", "unchanged"]) {
      const result = await world.backup.run();
      assert.deepEqual([result.status, unitOf(result)?.status], ["ok", status]);
      assert.deepEqual(
        result.manifest?.warnings.map(({ code }) => code),
        ["GITHUB_LFS_MISSING"],
      );
    }
    isPushed = true;
    const third = await world.backup.run();
    assert.deepEqual([third.status, third.manifest?.warnings], ["ok", []]);
    assert.deepEqual(new Set((await world.states(third)).values()), new Set(["STORED"]));
    assert.deepEqual(world.asked, [2, 1, 1]);
    assert.equal(unitOf(await world.backup.run())?.status, "unchanged");
    assert.deepEqual(world.asked, [2, 1, 1]);
  });

  test("one of which the server says in its batch to slow down (429) is asked for once more by itself", async () => {
    const [, second] = lfsObjects;
    let batches = 0;
    await using world = await aLfsWorld((url) => {
      batches += 1;
      return batches === 1
        ? secondIs([{ oid: oidOf(second), error: { code: 429, message: "slow down" } }])(url)
        : { status: 200, body: { objects: given(url).slice(1) } };
    });
    const result = await world.backup.run();
    assert.equal(result.status, "ok", unitOf(result)?.error?.message);
    assert.deepEqual(world.asked, [2, 1]);
    assert.deepEqual(new Set((await world.states(result)).values()), new Set(["STORED"]));
  });

  test("one at a host that the egress list refuses fails LFS, and what else there is of the repository is stored", async () => {
    await using world = await aLfsWorld(() => ({
      status: 200,
      body: {
        objects: lfsObjects.map((content) => ({
          oid: oidOf(content),
          actions: { download: { href: "http://refused.example/object" } },
        })),
      },
    }));
    limitEgress(egressList(["127.0.0.1"]));
    try {
      const result = await world.backup.run();
      assert.equal(unitOf(result)?.error?.code, "EGRESS_REFUSED");
      assert.match(unitOf(result)?.error?.message ?? "", /^lfs: /);
      assert.deepEqual(namesOf(result, "repository.bundle"), ["repository.bundle"]);
      assert.deepEqual(namesOf(result, "collected"), ["collected.json.zst"]);
      assert.deepEqual(new Set((await world.states(result)).values()), new Set(["FAILED"]));
    } finally {
      limitEgress(undefined);
    }
  });

  test("all of them for a quota that is used up: git is stored, and each object is named", async () => {
    await using world = await aLfsWorld(() => ({
      status: 403,
      body: { message: "This repository is over its data quota." },
    }));
    const result = await world.backup.run();
    assert.equal(unitOf(result)?.error?.code, "SOURCE_FORBIDDEN");
    assert.match(unitOf(result)?.error?.message ?? "", /over its data quota/);
    assert.deepEqual(namesOf(result, "repository.bundle"), ["repository.bundle"]);
    assert.deepEqual(new Set((await world.states(result)).values()), new Set(["FAILED"]));
  });
});

describe("git over a connection that fails", () => {
  async function aWorld() {
    const folder = await aGitFolder();
    const server = await startGithub(folder.path);
    await addRepository(server, "app", { id: 42, root: folder.path });
    const backup = githubBackup(server, { skip: ["all"], include: ["git", "labels"] });
    const others = server.git.switches.answer;
    return {
      server,
      backup,
      /** Answers the listing of refs with 502 so many times. */
      break(times: number) {
        let left = times;
        server.git.switches.answer = (request, response) => {
          if (left === 0 || request.url?.includes("/info/refs") !== true) return others(request, response);
          left -= 1;
          response.writeHead(502).end();
          return true;
        };
      },
      async [Symbol.asyncDispose]() {
        await server[Symbol.asyncDispose]();
        await folder[Symbol.asyncDispose]();
      },
    };
  }

  test("is tried again when refs are answered with 502, and when the pack breaks off", async () => {
    await using world = await aWorld();
    world.break(2);
    let cut = false;
    world.server.git.switches.mangle = (body) => {
      const isPack = body.includes("PACK") && !cut;
      cut ||= isPack;
      return isPack ? { body: body.subarray(0, body.length - 30), end: false } : { body, end: true };
    };
    const result = await world.backup.run();
    assert.equal(result.status, "ok", unitOf(result)?.error?.message);
    assert.ok(cut);
    assert.deepEqual(namesOf(result, "repository.bundle"), ["repository.bundle"]);
    const asked = world.server.requests.filter(({ path }) => path.endsWith("/labels")).length;
    assert.equal(asked, 1, "the rest of the repository is not begun anew");
  });

  test("fails its kind and no other when it goes on failing", async () => {
    await using world = await aWorld();
    world.break(Number.POSITIVE_INFINITY);
    const result = await world.backup.run();
    assert.equal(unitOf(result)?.error?.code, "SOURCE_UNAVAILABLE");
    assert.match(unitOf(result)?.error?.message ?? "", /^git: .*502$/);
    assert.deepEqual(namesOf(result, "collected"), ["collected.json.zst"]);
  });
});

/** Two objects on main, a third on another branch, pushed by git lfs. Answers the working copy, on that branch. */
async function aRepositoryWithLfs(root: string, lfsUrl: string): Promise<string> {
  const work = join(root, "work");
  await rm(work, { recursive: true, force: true });
  await mkdir(join(root, "my-org"), { recursive: true });
  gitSync(root, ["init", "--quiet", "--bare", "--initial-branch=main", "my-org/app.git"]);
  gitSync(join(root, "my-org/app.git"), ["config", "uploadpack.allowFilter", "true"]);
  gitSync(root, ["init", "--quiet", "--initial-branch=main", work]);
  gitSync(work, ["lfs", "install", "--local"]);
  gitSync(work, ["config", "lfs.url", lfsUrl]);
  gitSync(work, ["remote", "add", "origin", join(root, "my-org/app.git")]);
  gitSync(work, ["lfs", "track", "*.bin"]);
  for (const [n, branch] of ["main", "main", "other"].entries()) {
    if (branch === "other") gitSync(work, ["checkout", "--quiet", "-b", "other"]);
    await writeFile(join(work, n === 0 ? "a.bin" : "b.bin"), patternBytes(100_000 + n));
    gitSync(work, ["add", "--all"]);
    gitSync(work, ["commit", "--quiet", "--message", `commit ${n}`]);
  }
  gitSync(work, ["lfs", "push", "--all", "origin"]);
  gitSync(work, ["-c", "core.hooksPath=/dev/null", "push", "--quiet", "--all", "origin"]);
  return work;
}
