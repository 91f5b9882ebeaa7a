import assert from "node:assert/strict";
import { basename, resolve } from "node:path";
import { describe, test } from "node:test";
import { gitOptions } from "../../../../lib/connectors/git/options.ts";
import { parseRepositories } from "../../../../lib/connectors/git/repositories.ts";
import { LocationFault, parseLocation } from "../../../../lib/git/location.ts";

const messages = (...repositories: unknown[]): readonly string[] => {
  const parsed = gitOptions.safeParse({ repositories });
  return parsed.success ? [] : (JSON.stringify(parsed.error.issues).match(/"message":"(?:[^"\\]|\\.)*"/g) ?? []);
};

describe("a repository's place", () => {
  test("gives its unit a name", () => {
    const ids: Readonly<Record<string, string>> = {
      "https://github.com/org/app.git": "github.com/org/app",
      "https://github.com/org/app": "github.com/org/app",
      "https://example.org:8443/a/b.git/": "example.org/a/b",
      "https://example.org/": "example.org",
      "https://example.org/a%20b.git": "example.org/a b",
      "ssh://git@example.org:2222/srv/app.git": "example.org/srv/app",
      "git@github.com:org/app.git": "github.com/org/app",
      "example.org:app.git": "example.org/app",
      "git@[::1]:app.git": "::1/app",
      "/srv/git/app.git": "/srv/git/app.git",
      "/srv/git/app/": "/srv/git/app",
      "file:///srv/git/app.git": "/srv/git/app.git",
      "./repos/app": "repos/app",
      "repos/app": "repos/app",
      "./a:b": "a:b",
      "../other": "../other",
      ".": basename(process.cwd()),
      "./": basename(process.cwd()),
      "..": basename(resolve("..")),
      "sub/..": basename(process.cwd()),
    };
    for (const [place, id] of Object.entries(ids)) assert.equal(parseLocation(place).id, id, place);
  });

  test("over ssh is taken apart as git does", () => {
    const parts = (text: string) => {
      const location = parseLocation(text);
      return location.kind === "ssh" ? [location.host, location.port, location.path] : [location.kind];
    };
    assert.deepEqual(parts("git@github.com:org/app.git"), ["git@github.com", undefined, "org/app.git"]);
    assert.deepEqual(parts("ssh://git@example.org:2222/srv/a%20b.git"), ["git@example.org", 2222, "/srv/a b.git"]);
    assert.deepEqual(parts("ssh://example.org/~ann/app.git"), ["example.org", undefined, "~ann/app.git"]);
    assert.deepEqual(parts("git@[::1]:app.git"), ["git@::1", undefined, "app.git"]);
    assert.deepEqual(parts("./a:b"), ["local"]);
  });

  test("that cannot be used is refused without being repeated", () => {
    const places = [
      "https://ann:hunter2@example.org/app.git",
      "https://ghp_hunter2@github.com/org/app.git",
      "ssh://git:hunter2@example.org/app.git",
      "git:hunter2@example.org:app.git",
      "https://example.org/app.git?private_token=hunter2",
      "https://example.org/app.git#hunter2",
      "git://example.org/app.git",
      "ftp://example.org/hunter2",
      "ext::sh -c hunter2",
      "https://",
      "",
      " ",
      "ssh://example.org",
      "ssh://-oProxyCommand=hunter2/app",
      "-oProxyCommand=hunter2:app",
      "file://elsewhere/app.git",
    ];
    for (const place of places) {
      assert.throws(
        () => parseLocation(place),
        (error) => error instanceof LocationFault && !error.message.includes("hunter2"),
        place,
      );
      const found = messages(place);
      assert.ok(found.length > 0 && !found.join().includes("hunter2"), place);
      const inMapping = messages({ url: place });
      assert.ok(inMapping.length > 0 && !inMapping.join().includes("hunter2"), place);
    }
  });
});

describe("git's options", () => {
  test("take places and mappings side by side", () => {
    assert.deepEqual(
      messages("https://example.org/a.git", { url: ".", name: "here", refs: ["refs/heads/*", "HEAD"] }),
      [],
    );
    assert.deepEqual(messages({ url: "https://example.org/a.git", token_env: "TOKEN" }), []);
    assert.deepEqual(
      messages({ url: "https://example.org/a.git", username: "ann", password_file: "/run/secrets/p" }),
      [],
    );
    assert.deepEqual(messages({ url: "git@example.org:a.git", ssh_key_file: "/k", ssh_known_hosts_file: "/h" }), []);
  });

  const wrong: readonly [string, unknown, RegExp][] = [
    ["a token for ssh", { url: "git@example.org:a.git", token_env: "TOKEN" }, /http\(s\) URLs only/],
    ["an ssh key for https", { url: "https://example.org/a.git", ssh_key_file: "/k" }, /ssh URLs only/],
    [
      "a token and a password",
      { url: "https://e.org/a", username: "a", token_env: "T", password_env: "P" },
      /not both/,
    ],
    ["a password alone", { url: "https://e.org/a", password_env: "P" }, /needs a username/],
    ["a user alone", { url: "https://e.org/a", username: "ann" }, /needs a token or a password/],
    ["a user with a colon", { url: "https://e.org/a", username: "a:b", password_env: "P" }, /without a colon/],
    ["a branch for a ref", { url: ".", refs: ["main"] }, /refs\/heads\/\*/],
    ["no refs", { url: ".", refs: [] }, /./],
    ["a token written down", { url: "https://e.org/a", token: "ghp_x" }, /./],
    ["an unknown key", { url: ".", branch: "main" }, /./],
    ["a name of two lines", { url: ".", name: "a\nb" }, /one line/],
    ["a number", 7, /./],
  ];
  for (const [title, entry, message] of wrong) {
    test(`refuse ${title}`, () => assert.match(messages(entry).join(), message));
  }

  test("refuse no repositories, and two units of one name, naming both", () => {
    assert.match(messages().join(), /at least one/);
    const same = messages("https://example.org/a.git", "/x", { url: "ssh://git@example.org/a" });
    assert.match(same.join(), /repositories\[0\] and repositories\[2\] are both called \\"example.org\/a\\"/);
    assert.deepEqual(messages("https://example.org/a.git", { url: "ssh://git@example.org/a", name: "b" }), []);
  });

  test("send a token with the user that GitHub wants, or the one that is given", () => {
    const url = "https://example.org/a.git";
    const { repositories } = parseRepositories([
      { url, token_env: "T" },
      { url, name: "b", username: "oauth2", token_env: "T" },
    ]);
    assert.deepEqual(
      repositories.map(({ username }) => username),
      ["x-access-token", "oauth2"],
    );
    assert.deepEqual(repositories[0]?.secret, { from: "env", name: "T" });
  });
});
