import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { aGitFolder, aRepository } from "../../support/git-repository.ts";
import { type GitServer, startGitServer } from "../../support/git-server.ts";
import { start } from "../core-backup.ts";
import { type Watched, watched } from "./watched.ts";

/** One for each place that a secret can come from and each use that it is put to. */
const CANARIES = {
  token: "canary-token-env-4711",
  filed: "canary-token-file-4712",
  /** With all that is written otherwise in a URL, in JSON, in base64 and in UTF-8. */
  passphrase: 'canary "pass/phrase" + é% 4713',
  webhook: "canary-webhook-4714",
  query: "canary-webhook-query-4717",
  signature: "canary-signature-4715",
  push: "canary-push-4716",
  /** Which nobody told the program: a server gives it. */
  session: "canary-session-4718",
};

describe("no secret is ever seen, whatever is asked and whatever goes wrong", () => {
  let folder: Watched;
  let served: AsyncDisposable & { readonly path: string };
  let git: GitServer;
  let env: NodeJS.ProcessEnv;

  before(async () => {
    folder = await watched(() => Object.values(CANARIES), {
      TOKEN: CANARIES.token,
      PASSPHRASE: CANARIES.passphrase,
      WEBHOOK: `http://127.0.0.1:65529/${CANARIES.webhook}?token=${CANARIES.query}`,
      SIGNATURE: CANARIES.signature,
      PUSH: CANARIES.push,
    });
    env = folder.env;
    served = await aGitFolder();
    await aRepository(served.path, { name: "app.git" });
    git = await startGitServer(served.path);
    await writeFile(join(folder.path, "token"), `${CANARIES.filed}\n`);
    await writeFile(join(folder.path, "token-copy"), "nothing secret");
  });
  after(async () => {
    await git[Symbol.asyncDispose]();
    await served[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  });

  function configuration({ storage = "store", more = "" } = {}): string {
    return `jobs:
  - name: app
    service: git
    deadline: 1h
    options:
      repositories:
        - { url: "${git.url}/app.git", token_env: TOKEN }
        - { url: "${git.url}/app.git", name: again, username: me, password_file: token }
  - name: sealed
    service: filesystem
    encryption: { type: age, passphrase_env: PASSPHRASE }
    options: { paths: "${join(folder.path, "token-copy")}" }
storage:
  local: { type: filesystem, base_path: "${join(folder.path, storage)}" }
notifications:
  hook: { type: webhook, url_env: WEBHOOK, key_env: SIGNATURE, timeout: 2s, on: [failure, partial, success] }
metrics:
  pushgateway: { url: "http://127.0.0.1:65529", token_env: PUSH, timeout: 2s }
${more}`;
  }

  const core: Watched["core"] = (...args) => folder.core(...args);
  const assertUnseen: Watched["assertUnseen"] = (...args) => folder.assertUnseen(...args);
  const assertNowhere: Watched["assertNowhere"] = (...args) => folder.assertNowhere(...args);

  const LOGS = [["--verbose"], ["--json", "--verbose", "--log", "json"]];

  for (const [title, config, code, switches] of [
    ["all is well", () => configuration(), 0, () => false],
    ["the source refuses the token", () => configuration(), 1, refuse(401)],
    ["the source repeats the token in what it answers", () => configuration(), 1, repeat()],
    ["the source redirects to a page with a session's token in its query", () => configuration(), 1, redirect()],
    ["the storage cannot be used", () => configuration({ storage: "token/below" }), 1, () => false],
  ] as const) {
    for (const log of LOGS) {
      test(`run ${log.join(" ")}: ${title}`, async () => {
        git.switches.answer = switches;
        const ended = await core("run", config(), ["run", ...log]);
        git.switches.answer = () => false;
        assert.equal(ended.code, code, JSON.stringify(ended));
        await assertNowhere(ended, title);
      });
    }
  }

  // The other commands: stored-and-told.test.ts.
  for (const [code, ...command] of [
    [2, "init", "--verbose"],
    [2, "init", "--json"],
    [0, "init", "--list"],
    [0, "validate", "--verbose"],
    [0, "validate", "--json"],
    [0, "run", "--due", "--verbose"],
    [0, "show", "--job", "app", "--json"],
    [0, "verify", "--prove", "--verbose"],
    [0, "restore", "--job", "sealed", "--to", "restored/sealed", "--verbose"],
    [1, "notify", "--test"],
    [2, "run", "--job", CANARIES.token.slice(0, 3), "--verbose"],
    [2, "run", "--job", CANARIES.token.slice(0, 3), "--json"],
    [2, "run", "--unknown-flag"],
  ] as const) {
    test(command.join(" "), async () => {
      const ended = await core("asked", configuration(), command);
      assert.equal(ended.code, code, JSON.stringify(ended));
      await assertNowhere(ended, command.join(" "));
    });
  }

  test("serve: its log, its endpoints and what it notices of a wrong file", async () => {
    const file = join(folder.path, "served.yml");
    await writeFile(
      file,
      configuration().replaceAll("    deadline: 1h\n", "    deadline: 1h\n    schedule: '@yearly'\n"),
    );
    const args = ["serve", "--port", "0", "--verbose", "--config", file];
    const served = start(args, { cwd: folder.path, env: { ...env, STATE_DIRECTORY: join(folder.path, "state") } });
    try {
      await served.heard("see http://");
      const url = /see (http:\S+)/.exec(served.stderr())?.[1] ?? "";
      for (const path of ["", "readyz", "healthz", "metrics", "nowhere"])
        assertUnseen(await (await fetch(url + path)).text(), `the endpoint /${path}`);
      const page = await fetch(url, { headers: { accept: "text/html" } });
      assert.match(page.headers.get("content-type") ?? "", /^text\/html/);
      assertUnseen(await page.text(), "the page");
      await writeFile(file, configuration().replace("token_env: TOKEN", `token: ${CANARIES.token}`));
      served.process.kill("SIGHUP");
      await served.heard("stays in force");
      for (const path of ["", "readyz"]) assertUnseen(await (await fetch(url + path)).text(), `the endpoint /${path}`);
    } finally {
      served.process.kill("SIGTERM");
    }
    const ended = await served.ended;
    assert.equal(ended.code, 0, JSON.stringify(ended));
    await assertNowhere(ended, "serve");
  });

  test("a secret that stands in the configuration is refused and not shown", async () => {
    for (const [index, [title, config]] of [
      ["a token", configuration().replace("token_env: TOKEN", `token: ${CANARIES.token}`)],
      ["a token in a variable's place", configuration().replace("TOKEN }", `"${CANARIES.token} x" }`)],
      ["a webhook's query", configuration().replace("url_env: WEBHOOK", `url: "https://x/?token=${CANARIES.query}"`)],
      ["a webhook", configuration().replace("url_env: WEBHOOK", `url: "https://x/${CANARIES.webhook}"`)],
      ["a repository's query", configuration().replace("/app.git", `/app.git?token=${CANARIES.token}`)],
      ["a repository's fragment", configuration().replace("/app.git", `/app.git#${CANARIES.token}`)],
      ["a query over ssh", configuration().replace(`${git.url}/app.git`, `ssh://git@host/app?token=${CANARIES.token}`)],
      ["a URL with a password", configuration().replace("http://", `http://me:${CANARIES.token}@`)],
      ["a passphrase", configuration().replace("passphrase_env: PASSPHRASE", `passphrase: ${CANARIES.passphrase}`)],
      ["a file that is no YAML", configuration({ more: `  token: "${CANARIES.token}\n` })],
    ].entries()) {
      const ended = await core("wrong", config ?? "", ["run", ...(LOGS[index % LOGS.length] ?? [])]);
      assert.equal(ended.code, 2, `${title}: ${JSON.stringify(ended)}`);
      await assertNowhere(ended, String(title));
    }
  });

  test("the spies did see programs start, and a canary would be found", async () => {
    const seen = await folder.seen();
    for (const name of ["git", "tar"]) {
      assert.match(seen, new RegExp(`^started: ${name} `, "m"));
      assert.match(seen, new RegExp(`^/.*/${name} `, "m"));
    }
    assert.match(seen, /^PATH=/m);
    for (const canary of Object.values(CANARIES)) {
      const bytes = Buffer.from(`me:${canary}`);
      for (const [how, text] of [
        ["as it is", `x${canary}x`],
        ["in a URL", encodeURIComponent(canary)],
        ["in a form", `${new URLSearchParams({ a: canary })}`],
        ["in JSON", JSON.stringify({ a: canary })],
        ["in JSON in JSON", JSON.stringify(JSON.stringify({ a: canary }))],
        ["in base64", `x${bytes.toString("base64")}`],
        ["in a token", `xy${bytes.toString("base64url")}`],
        ["in hex", `a${bytes.toString("hex")}`],
      ] as const)
        assert.throws(() => assertUnseen(text, how), `${canary} is not found ${how}`);
    }
    assert.ok(!tmpdir().startsWith(folder.path));
  });
});

function refuse(status: number): GitServer["switches"]["answer"] {
  return (_request, response) => {
    response.writeHead(status, { "content-type": "text/plain" }).end("no");
    return true;
  };
}

function repeat(): GitServer["switches"]["answer"] {
  return (request, response) => {
    const { authorization = "" } = request.headers;
    const plain = Buffer.from(authorization.replace(/^Basic /, ""), "base64").toString("utf8");
    response.writeHead(403, { "content-type": "text/plain" }).end(`${authorization} ${plain} may not`);
    return true;
  };
}

function redirect(): GitServer["switches"]["answer"] {
  return (_request, response) => {
    response.writeHead(302, { location: `/sign-in?session=${CANARIES.session}` }).end();
    return true;
  };
}
