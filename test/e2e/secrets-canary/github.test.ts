import assert from "node:assert/strict";
import { createHash, generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { after, before, beforeEach, describe, test } from "node:test";
import { aGitFolder, fastImport, gitSync } from "../../support/git-repository.ts";
import { addRepository } from "../../support/github-organization.ts";
import { type Fault, type GithubServer, startGithub } from "../../support/github-server.ts";
import { type Watched, watched } from "./watched.ts";

const TOKEN = "github_pat_canary-4721";
const KEY = generateKeyPairSync("rsa", { modulusLength: 2048 })
  .privateKey.export({ type: "pkcs8", format: "pem" })
  .toString();
const CONTENT = Buffer.from("a file that lies elsewhere");
const OID = createHash("sha256").update(CONTENT).digest("hex");
const POINTER = `version https://git-lfs.github.com/spec/v1\noid sha256:${OID}\nsize ${CONTENT.length}\n`;

describe("no credentials for GitHub are ever seen, neither here nor by another host", () => {
  let folder: Watched;
  let root: AsyncDisposable & { readonly path: string };
  let server: GithubServer;
  let elsewhere: Awaited<ReturnType<typeof anotherHost>>;
  /** Which git requests are sent elsewhere. */
  let gitIsMoved = false;
  /** What the App signs and is given in the course of a run. */
  const made = new Set<string>();

  before(async () => {
    folder = await watched(() => [TOKEN, KEY, ...made], { TOKEN, KEY });
    root = await aGitFolder();
    server = await startGithub(root.path);
    server.anyToken = true;
    elsewhere = await anotherHost();
    const path = await addRepository(server, "app", { id: 42, root: root.path });
    const bare = join(root.path, "my-org/app.git");
    gitSync(bare, ["config", "uploadpack.allowFilter", "true"]);
    await fastImport(bare, [
      `commit refs/heads/lfs\ncommitter A <a@example.com> 1 +0000\ndata 1\nx\nM 100644 inline big.bin\ndata ${POINTER.length}\n${POINTER}\n`,
    ]);
    const asset = { id: 9, name: "app.zip", size: CONTENT.length, state: "uploaded", updated_at: "2026-01-01" };
    const body = `![x](${server.webUrl}/user-attachments/assets/1)`;
    server.lists.set(`${path}/releases`, [{ id: 1, tag_name: "v1", body, assets: [asset] }]);
    server.files.set("/user-attachments/assets/1", { status: 302, headers: { location: `${elsewhere.url}/picture` } });
    const others = server.git.switches.answer;
    server.git.switches.answer = (request, response) => {
      if (request.url?.endsWith("/info/lfs/objects/batch") === true) {
        const download = { href: `${elsewhere.url}/lfs` };
        response.end(JSON.stringify({ objects: [{ oid: OID, actions: { download } }] }));
        return true;
      }
      if (!gitIsMoved || request.url?.startsWith("/my-org/") !== true) return others(request, response);
      response.writeHead(302, { location: elsewhere.url + request.url }).end();
      return true;
    };
  });
  after(async () => {
    await elsewhere[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
    await root[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  });
  beforeEach(() => {
    elsewhere.seen.length = 0;
    gitIsMoved = false;
    server.fault = (path, request) => usual(path, request);
  });

  /** The App's tokens, and an asset that lies with another host. */
  function usual(path: string, request: IncomingMessage): Fault | undefined {
    if (path.endsWith("/installation") || path.endsWith("/access_tokens")) made.add(credentials(request));
    if (path.endsWith("/installation")) return { status: 200, body: { id: 7 } };
    if (path.endsWith("/access_tokens")) {
      const token = `ghs_canary-${made.size}`;
      made.add(token);
      const permissions = { metadata: "read", contents: "read" };
      return { status: 201, body: { token, expires_at: "2999-01-01T00:00:00Z", permissions } };
    }
    if (path.endsWith("/releases/assets/9")) return { status: 302, headers: { location: `${elsewhere.url}/asset` } };
    return undefined;
  }

  const SCENARIOS: readonly (readonly [string, number, () => void])[] = [
    ["GitHub does not accept them", 1, () => faulty(() => true, { status: 401, body: { message: "Bad credentials" } })],
    ["GitHub repeats them in what it refuses", 1, repeatCredentials],
    [
      "GitHub's API sends us to another host",
      1,
      () =>
        faulty((path) => path.endsWith("/labels"), { status: 302, headers: { location: `${elsewhere.url}/labels` } }),
    ],
    [
      "git is sent to another host",
      1,
      () => {
        gitIsMoved = true;
      },
    ],
    // Last, so that what comes after has a whole snapshot.
    ["all is well, and files lie with another host", 0, () => {}],
  ];
  function faulty(isMeant: (path: string) => boolean, fault: Fault): void {
    server.fault = (path, request) => (isMeant(path) ? fault : usual(path, request));
  }
  function repeatCredentials(): void {
    server.fault = (path, request) => {
      const known = usual(path, request);
      const isRefused = /labels|hooks|assets|milestones/.test(path);
      return isRefused ? { status: 403, body: { message: `${credentials(request)} may not` } } : known;
    };
  }

  /** Of the other host, in all scenarios. */
  const asked: (string | undefined)[] = [];
  for (const [title, code, begin] of SCENARIOS) {
    for (const log of [["--verbose", "--log", "json"], ["--json"]]) {
      test(`run ${log.join(" ")}: ${title}`, async () => {
        begin();
        const ended = await folder.core("run", configuration(), ["run", ...log]);
        assert.equal(ended.code, code, JSON.stringify(ended));
        await folder.assertNowhere(ended, title);
        folder.assertUnseen(JSON.stringify(elsewhere.seen), `what the other host was sent: ${title}`);
        assert.ok(!elsewhere.seen.some(({ headers }) => "authorization" in headers), "the other host got credentials");
        asked.push(...elsewhere.seen.map(({ url }) => url));
        // What a run stored that failed for something else is taken over, and not asked for again.
        if (code === 0)
          for (const path of ["/asset", "/lfs", "/picture"])
            assert.ok(asked.filter((url) => url === path).length >= 2, `both jobs asked for ${path}`);
      });
    }
  }

  for (const command of [
    ["validate"],
    ["plan"],
    ["show", "--job", "by-app"],
    ["verify", "--prove"],
    ["restore", "--job", "by-token", "--to", "restored"],
    ["watch", "--dry-run"],
  ]) {
    test(command.join(" "), async () => {
      if (command[0] === "plan") repeatCredentials();
      const ended = await folder.core("asked", configuration(), [...command, "--verbose"]);
      assert.equal(ended.code, 0, JSON.stringify(ended));
      await folder.assertNowhere(ended, command.join(" "));
    });
  }

  test("a key that stands in the configuration is refused and not shown", async () => {
    const config = configuration().replace("private_key_env: KEY", `private_key: ${JSON.stringify(KEY)}`);
    const ended = await folder.core("wrong", config, ["run"]);
    assert.equal(ended.code, 2, JSON.stringify(ended));
    await folder.assertNowhere(ended, "a key in the configuration");
  });

  test("the spies did see git start, and each canary would be found", async () => {
    assert.match(await folder.seen(), /\/git .*index-pack/);
    assert.ok([...made].some((one) => one.startsWith("ghs_")) && [...made].some((one) => one.split(".").length === 3));
    for (const canary of [TOKEN, KEY.split("\n")[3] ?? "", ...made]) {
      assert.throws(() => folder.assertUnseen(`x ${canary} y`, "a text"), `${canary} is not looked for`);
      const basic = Buffer.from(`x-access-token:${canary}`).toString("base64");
      assert.throws(() => folder.assertUnseen(basic, "a header"), `${canary} is not looked for in a header`);
    }
  });

  function configuration(): string {
    const options = `organization: my-org, api_url: "${server.apiUrl}", web_url: "${server.webUrl}", skip: [organization]`;
    return `jobs:
  - name: by-token
    service: github
    compression: none
    deadline: 1h
    options: { ${options}, token_env: TOKEN }
  - name: by-app
    service: github
    compression: none
    deadline: 1h
    options: { ${options}, app: { id: 99, private_key_env: KEY } }
storage:
  local: { type: filesystem, base_path: "${join(folder.path, "store")}" }
`;
  }
});

/** What a request was authorized with, without the scheme. */
function credentials({ headers }: IncomingMessage): string {
  const [scheme, value = ""] = (headers.authorization ?? "").split(" ");
  return scheme === "Basic"
    ? Buffer.from(value, "base64")
        .toString("utf8")
        .replace(/^[^:]*:/, "")
    : value;
}

async function anotherHost() {
  const seen: Pick<IncomingMessage, "url" | "headers">[] = [];
  const host = createServer(({ url, headers }, response) => {
    seen.push({ url, headers });
    response.writeHead(200, { "content-length": CONTENT.length }).end(CONTENT);
  });
  host.listen(0, "127.0.0.1");
  await once(host, "listening");
  return {
    url: `http://127.0.0.1:${(host.address() as AddressInfo).port}`,
    seen,
    async [Symbol.asyncDispose]() {
      host.closeAllConnections();
      host.close();
      await once(host, "close");
    },
  };
}
