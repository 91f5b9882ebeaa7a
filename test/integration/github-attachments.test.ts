import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { describe, test } from "node:test";
import { attachmentFinder } from "../../lib/connectors/github/attachment-urls.ts";
import { limitEgress } from "../../lib/network/egress.ts";
import { egressList } from "../../lib/network/egress-list.ts";
import type { JobResult } from "../../lib/run.ts";
import { aGitFolder, fastImport, gitSync } from "../support/git-repository.ts";
import { githubBackup } from "../support/github-backup.ts";
import { addRepository, at } from "../support/github-organization.ts";
import { startGithub } from "../support/github-server.ts";

const unitOf = (result: JobResult) => result.manifest?.units[0];
const filesOf = (result: JobResult) =>
  (unitOf(result)?.artifacts ?? [])
    .map(({ path, reusedFrom }) => `${path.split("/").at(-1)}${reusedFrom === undefined ? "" : " reused"}`)
    .filter((name) => name.startsWith("attachment-"));

describe("files that texts show", () => {
  const IMAGE = "/user-attachments/assets/11111111-2222-3333-4444-555555555555";
  const GONE = "/user-attachments/files/77/gone.zip";
  const WALLED = "/user-attachments/files/78/walled.zip";

  async function aWorld() {
    const seen: (string | undefined)[] = [];
    const storage = createServer((request, response) => {
      seen.push(request.headers.authorization);
      response.end("a picture");
    }).listen(0, "127.0.0.1");
    await once(storage, "listening");
    const server = await startGithub("/nonexistent");
    const path = await addRepository(server, "app", { id: 42, issues: 2, pulls: 0, commentsPerIssue: 1 });
    const web = server.webUrl;
    server.files.set(IMAGE, {
      status: 302,
      headers: { location: `http://127.0.0.1:${(storage.address() as AddressInfo).port}/bucket/x` },
    });
    server.files.set(WALLED, { status: 302, headers: { location: "/login?return_to=x" } });
    server.files.set("/login", { status: 200, body: Buffer.from("<html>Sign in</html>") });
    const texts = (name: string, bodies: readonly string[]) => {
      const list = server.lists.get(`${path}/${name}`) ?? [];
      server.lists.set(
        `${path}/${name}`,
        list.map((one, n) => ({ ...one, body: bodies[n] ?? "nothing" })),
      );
    };
    texts("issues", [`![a picture](${web}${IMAGE})`, `See ${web}${IMAGE}, and [this](${web}${GONE}).`]);
    texts("issues/comments", [`<img src="${web}${WALLED}">`]);
    return {
      server,
      path,
      web,
      seen,
      backup: githubBackup(server, { skip: ["git", "wiki", "lfs", "assets"] }),
      async [Symbol.asyncDispose]() {
        storage.closeAllConnections();
        storage.close();
        await server[Symbol.asyncDispose]();
      },
    };
  }

  test("are stored once wherever they are shown, and the token stays with GitHub; what is not to be had is told", async () => {
    await using world = await aWorld();
    const { web } = world;
    const result = await world.backup.run();
    assert.equal(result.status, "ok", unitOf(result)?.error?.message);
    assert.equal(filesOf(result).length, 1);
    assert.deepEqual(world.seen, [undefined]);
    const lines = await world.backup.stored(result, "my-org/app", "attachments");
    assert.deepEqual(
      lines?.map(({ url, state, in: places }) => [url, state, places]),
      [
        [
          `${web}${IMAGE}`,
          "STORED",
          [
            { kind: "issues", key: "42001" },
            { kind: "issues", key: "42002" },
          ].toReversed(),
        ],
        [`${web}${GONE}`, "MISSING", [{ kind: "issues", key: "42002" }]],
        [`${web}${WALLED}`, "FORBIDDEN", [{ kind: "issue_comments", key: "420010" }]],
      ].toSorted(([a], [b]) => (String(a) < String(b) ? -1 : 1)),
    );
    const warning = result.manifest?.warnings.find(({ code }) => code === "GITHUB_ATTACHMENT_MISSING");
    assert.match(warning?.message ?? "", /^2 of 3 files/);
    assert.equal(
      result.verification?.artifacts.find(({ path }) => path.includes("attachment-"))?.proof?.detail,
      "9 bytes, SHA-256",
    );
  });

  test("that were uploaded more than once are stored once, and that one for as long as a text shows any of them", async () => {
    await using world = await aWorld();
    const { server, path, web, backup } = world;
    const again = (n: number) => `/user-attachments/assets/${n}`;
    const picture = { status: 200, body: Buffer.from("a picture") };
    const show = (bodies: readonly string[]) =>
      server.lists.set(
        `${path}/issues`,
        bodies.map((body, n) => ({ id: n + 1, number: n + 1, body, created_at: at(n), updated_at: at(1_000 + n) })),
      );
    server.lists.set(`${path}/issues/comments`, []);
    server.lists.set(`${path}/issues/events`, []);
    for (const n of [1, 2, 3]) server.files.set(again(n), picture);
    server.files.set(again(4), { status: 200, body: Buffer.from("another") });
    show([`${web}${again(1)} ${web}${again(2)}`, `${web}${again(4)}`]);
    const artifacts = async (result: JobResult) =>
      (await backup.stored(result, "my-org/app", "attachments"))?.map(({ artifact }) => artifact);
    const first = await backup.run();
    assert.equal(first.status, "ok", unitOf(first)?.error?.message);
    assert.equal(filesOf(first).length, 2);
    const [one, two, other] = (await artifacts(first)) ?? [];
    assert.equal(one, two);
    assert.notEqual(one, other);
    assert.equal(unitOf(await backup.run())?.status, "unchanged");
    show(["nothing", `${web}${again(3)} ${web}${again(4)}`, `${web}${again(2)}`]);
    const third = await backup.run();
    assert.deepEqual(filesOf(third).sort(), [`${one} reused`, `${other} reused`].sort());
    assert.deepEqual(await artifacts(third), [one, one, other]);
  });

  test("are asked for again neither when nothing changed nor when another text did", async () => {
    await using world = await aWorld();
    const { server, path, web, backup } = world;
    await backup.run();
    const second = await backup.run();
    assert.equal(unitOf(second)?.status, "unchanged");
    // What is not to be had is told each night, also where nothing changed.
    assert.deepEqual(
      second.manifest?.warnings.map(({ code }) => code),
      ["GITHUB_ATTACHMENT_MISSING"],
    );
    const comments = server.lists.get(`${path}/issues/comments`) ?? [];
    server.lists.set(`${path}/issues/comments`, [
      ...comments,
      { id: 99, body: `once more ${web}${IMAGE}`, issue_url: "x", created_at: at(900), updated_at: at(900) },
    ]);
    const third = await backup.run();
    assert.deepEqual(
      filesOf(third).map((name) => name.endsWith(" reused")),
      [true],
    );
    const places = (await backup.stored(third, "my-org/app", "attachments"))?.find(
      ({ url }) => url === `${web}${IMAGE}`,
    )?.in;
    assert.equal((places as unknown[]).length, 3, "texts of kinds that did not change are known still");
    assert.equal(world.seen.length, 1);
  });

  test("that were forbidden are had once the credentials do, though no text changed; a few stand for all", async () => {
    await using world = await aWorld();
    const { server, path, web, backup } = world;
    const walled = Array.from({ length: 8 }, (_, n) => `/user-attachments/files/${n}/walled.zip`);
    const [first] = server.lists.get(`${path}/issues`) ?? [];
    server.lists.set(`${path}/issues`, [{ ...first, body: walled.map((file) => web + file).join(" ") }]);
    for (const list of ["issues/comments", "issues/events"]) server.lists.set(`${path}/${list}`, []);
    const asked = () => server.git.seen.filter(({ url }) => url.endsWith("/walled.zip")).length;
    const is = (answer: Parameters<typeof server.files.set>[1]) => {
      for (const file of walled) server.files.set(file, answer);
    };
    is({ status: 302, headers: { location: "/login?return_to=x" } });
    for (const times of [8, 5]) {
      const before = asked();
      const result = await backup.run();
      assert.match(result.manifest?.warnings[0]?.message ?? "", /^8 of 8 files/);
      assert.equal(asked() - before, times);
    }
    is({ status: 200, body: Buffer.from("for members") });
    const had = await backup.run();
    assert.deepEqual([had.status, had.manifest?.warnings, filesOf(had).length], ["ok", [], 1]);
  });

  test("are taken over from a repository that fails for another thing each night", async () => {
    await using world = await aWorld();
    const { server, backup } = world;
    server.fault = (path) => (path.endsWith("/labels") ? { status: 200, body: "no list" } : undefined);
    for (const isReused of [false, true, true]) {
      const result = await backup.run();
      assert.equal(result.status, "partial");
      assert.deepEqual(
        filesOf(result).map((name) => name.endsWith(" reused")),
        [isReused],
      );
    }
    assert.equal(world.seen.length, 1);
  });

  test("that cannot be had, whoever named them, fail nothing: they are told with their reason, and had another time", async () => {
    await using world = await aWorld();
    const { server, path, web, backup } = world;
    const file = (name: string) => `/user-attachments/files/90/${name}`;
    const refused = "https://user-images.githubusercontent.com/1/2-a.png";
    // What a host made of numbers cannot have.
    const none = "http://media.127.0.0.1/user/1/a.png";
    server.files.set(file("good"), { status: 200, body: Buffer.from("good") });
    server.files.set(file("broken"), { status: 503 });
    server.files.set(file("elsewhere"), { status: 302, headers: { location: "http://refused.example/x" } });
    const body = [file("broken"), file("elsewhere"), file("good")].map((one) => web + one).join(" ");
    server.lists.set(`${path}/issues`, [
      {
        id: 1,
        number: 1,
        body: `${body} ${refused} ${none.replace("127.0.0.1", new URL(web).host)}`,
        created_at: at(1),
        updated_at: at(1),
      },
    ]);
    for (const list of ["issues/comments", "issues/events"]) server.lists.set(`${path}/${list}`, []);
    const states = async (result: JobResult) =>
      new Map(
        (await backup.stored(result, "my-org/app", "attachments"))?.map(({ url, state, code }) => [
          String(url)
            .replace(web, "")
            .replace(`:${new URL(web).port}`, ""),
          code === undefined ? state : `${String(state)} ${String(code)}`,
        ]),
      );
    limitEgress(egressList(["127.0.0.1"]));
    try {
      const first = await backup.run();
      assert.equal(first.status, "ok", unitOf(first)?.error?.message);
      assert.deepEqual(
        await states(first),
        new Map(
          [
            [file("broken"), "FAILED SOURCE_UNAVAILABLE"],
            [file("elsewhere"), "FAILED EGRESS_REFUSED"],
            [file("good"), "STORED"],
            [refused, "FAILED EGRESS_REFUSED"],
            [none, "MISSING SOURCE_NOT_FOUND"],
          ].toSorted(([a], [b]) => (String(a) < String(b) ? -1 : 1)) as [string, string][],
        ),
      );
      assert.match(
        first.manifest?.warnings.find(({ code }) => code === "GITHUB_ATTACHMENT_MISSING")?.message ?? "",
        /^4 of 5 files/,
      );
      server.files.set(file("broken"), { status: 200, body: Buffer.from("mended") });
      const second = await backup.run();
      assert.equal(second.status, "ok", unitOf(second)?.error?.message);
      assert.equal((await states(second)).get(file("broken")), "STORED");
      assert.equal((await states(second)).get(file("good")), "STORED");
      assert.equal(filesOf(second).length, 2);
    } finally {
      limitEgress(undefined);
    }
  });

  test("are found by the forms of GitHub's URLs, old and new, and nothing else", () => {
    const find = attachmentFinder("https://github.com");
    const found = find({
      body: "https://github.com/user-attachments/assets/ab-1 (https://github.com/o/r/files/12/a.log) https://github.com/o/r/issues/12",
      comments: {
        nodes: [
          {
            body: "![x](https://user-images.githubusercontent.com/1/2-a.png) https://evil.example/user-attachments/assets/x",
          },
        ],
      },
      items: [
        {
          body: "https://github.com/o/r/assets/12/ab-2#frag https://github.com.evil.example/user-attachments/files/1/x",
        },
      ],
      title: "https://github.com/user-attachments/assets/no",
      // What a commenter has no right to and the token does.
      nodes: [
        "user-attachments/files/../../torvalds/linux/archive/refs/heads/master.zip",
        "user-attachments/files/%2e%2E/../my-org/secret/archive/HEAD.zip",
        "user-attachments/files/..%2F../my-org/secret/archive/HEAD.zip",
        "o/r/files/12/../../../../my-org/secret/archive/HEAD.zip",
        "user-attachments/files/1/%2e%2e%5c..%5cx",
      ].map((path) => ({ body: `see https://github.com/${path}.` })),
    });
    assert.deepEqual(found, [
      "https://github.com/user-attachments/assets/ab-1",
      "https://github.com/o/r/files/12/a.log",
      "https://github.com/o/r/assets/12/ab-2",
      "https://user-images.githubusercontent.com/1/2-a.png",
    ]);
  });
});

test("submodules are listed with their URLs as git reads them, and asked for again only when a ref moved", async () => {
  await using folder = await aGitFolder();
  await using server = await startGithub(folder.path);
  const path = await addRepository(server, "app", { id: 42, root: folder.path });
  const text =
    '[submodule "a.b/c"]\n\tpath = vendor/c\n\turl = ../c.git\n\tbranch = main\n[include]\n\tpath = /etc/passwd\n';
  server.objects.set(`${path}/contents/.gitmodules`, {
    type: "file",
    encoding: "base64",
    content: Buffer.from(text).toString("base64"),
  });
  const backup = githubBackup(server, { skip: ["all"], include: ["git", "submodules"] });
  const first = await backup.run();
  assert.deepEqual(await backup.stored(first, "my-org/app", "submodules"), [
    { path: "vendor/c", url: "../c.git", branch: "main", name: "a.b/c" },
  ]);
  server.requests.length = 0;
  assert.equal(unitOf(await backup.run())?.status, "unchanged");
  const asked = () => server.requests.filter((request) => request.path.includes(".gitmodules")).length;
  assert.equal(asked(), 0);
  const bare = join(folder.path, "my-org/app.git");
  const moveRef = (name: string) =>
    fastImport(bare, [`commit refs/heads/${name}\ncommitter A <a@example.com> 1 +0000\ndata 1\nx\n`]);
  // One that git cannot read fails what is read from it, and no more.
  server.objects.set(`${path}/contents/.gitmodules`, { type: "file", encoding: "base64", content: btoa("[submodule") });
  await moveRef("broken");
  const broken = unitOf(await backup.run());
  assert.equal(broken?.error?.code, "SOURCE_FAILED");
  assert.match(broken?.error?.message ?? "", /^submodules: \.gitmodules of the default branch cannot be read/);
  assert.ok(broken?.artifacts.some((one) => one.path.includes("collected")));
  server.objects.delete(`${path}/contents/.gitmodules`);
  await moveRef("new");
  assert.match(gitSync(bare, ["show-ref"]), /refs\/heads\/new/);
  const third = await backup.run();
  assert.equal(third.status, "ok");
  assert.equal(await backup.stored(third, "my-org/app", "submodules"), undefined);
  assert.equal(asked(), 2);
});
