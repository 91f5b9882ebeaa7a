import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { chosenKinds, kindNames } from "../../../../lib/connectors/github/chosen-kinds.ts";
import { kinds } from "../../../../lib/connectors/github/kinds/all.ts";
import { means, namePattern, patternFault } from "../../../../lib/connectors/github/name-pattern.ts";
import { githubOptions } from "../../../../lib/connectors/github/options.ts";
import { cloneUrlOf, webUrlOf, wikiUrlOf } from "../../../../lib/connectors/github/web-url.ts";

const faults = (options: object): readonly string[] => {
  const result = githubOptions.safeParse(options);
  return result.success ? [] : result.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`);
};

describe("options of github", () => {
  test("the sample of the original design is valid, its dots standing for everything", () => {
    assert.deepEqual(faults({ organization: "my-org", repositories: ["..."] }), []);
    assert.equal(means(namePattern("..."), "my-org", "anything"), true);
  });

  const wrong: readonly [object, RegExp][] = [
    [{}, /organization: is missing/],
    [{ repositories: ["app"] }, /repositories.0: must be owner\/name/],
    [{ organization: "my org" }, /organization: must be a GitHub login/],
    [{ organization: "o", repositories: ["/(/"] }, /repositories.0: is no regular expression/],
    [{ organization: "o", repositories: ["a b"] }, /repositories.0: must be a repository's name/],
    [{ organization: "o", repositories: ["o/a@1"] }, /repositories.0: must be a repository's name/],
    [{ organization: "o", exclude: ["a@1"] }, /exclude.0: must be a repository's name/],
    [{ organization: "o", include: ["isues"] }, /include.0: unknown kind "isues".*issues/],
    [{ organization: "o", skip: ["repository"] }, /skip.0: repository is needed/],
    [{ organization: "o", skip: ["hooks"], require: ["hooks"] }, /require.0: hooks is not among/],
    [{ organization: "o", api_url: "https://user:pw@host" }, /api_url: must be an http\(s\) URL without credentials/],
    [{ organization: "o", token_env: "T", app: { id: 1, private_key_env: "K" } }, /tokens: give one of/],
    [{ organization: "o", app: { id: 1 } }, /app.private_key_file: is missing/],
    [{ organization: "o", full_every: "never" }, /full_every: /],
    [{ organization: "o", max_requests_per_hour: 0 }, /max_requests_per_hour/],
    [{ organization: "o", token: "ghp_x" }, /token/],
  ];
  for (const [options, message] of wrong) {
    test(`${JSON.stringify(options)} is refused`, () => assert.match(faults(options).join("\n"), message));
  }
});

describe("patterns of repositories", () => {
  const cases: readonly [string, string, boolean][] = [
    ["app", "app", true],
    ["App", "aPP", true],
    ["app", "application", false],
    ["api-*", "api-users", true],
    ["api-*", "my-api-users", false],
    ["a?p", "app", true],
    ["a.p", "app", false],
    ["/^api-(a|b)$/", "api-b", true],
    ["/^api-(a|b)$/", "api-c", false],
    ["my-org/app", "app", true],
    ["other/app", "app", false],
    ["my-*/app*", "app2", true],
    ["*", "anything", true],
  ];
  for (const [pattern, name, expected] of cases) {
    test(`${pattern} ${expected ? "means" : "does not mean"} my-org/${name}`, () => {
      assert.equal(patternFault(pattern), undefined);
      assert.equal(means(namePattern(pattern), "my-org", name), expected);
    });
  }
});

describe("kinds", () => {
  test("have names of their own, and parents that are read before them", () => {
    assert.equal(new Set(kindNames).size, kindNames.length);
    for (const [n, { name, subject, reading }] of kinds.entries()) {
      if (reading.how !== "changed") continue;
      const parent = kinds.findIndex((kind) => kind.name === reading.parent);
      assert.ok(parent >= 0 && parent < n && kinds[parent]?.subject === subject, name);
    }
  });

  test("are the default ones, with what include adds and without what skip takes away", () => {
    const names = (include: string[], skip: string[]) => chosenKinds(include, skip).all.map(({ name }) => name);
    const usual = names([], []);
    assert.ok(usual.includes("issues") && usual.includes("git") && !usual.includes("issue_timeline"));
    assert.deepEqual(
      names(["issue_timeline"], []).filter((name) => !usual.includes(name)),
      ["issue_timeline"],
    );
    assert.deepEqual(
      usual.filter((name) => !names([], ["hooks"]).includes(name)),
      ["hooks"],
    );
    assert.deepEqual(names(["labels"], ["all"]), ["repository", "labels"]);
    assert.deepEqual(names(["all"], []).length, kindNames.length);
    // Reviews hang on pull requests, so these come along.
    assert.deepEqual(names(["pull_reviews"], ["all"]), ["repository", "pulls", "pull_reviews"]);
  });
});

describe("where git is", () => {
  const hosts: readonly [string, string][] = [
    ["https://api.github.com", "https://github.com"],
    ["https://api.my-company.ghe.com", "https://my-company.ghe.com"],
    ["https://github.example.com/api/v3", "https://github.example.com"],
    ["https://corp.github.example.com/api/v3", "https://corp.github.example.com"],
    ["http://127.0.0.1:8080/api/v3", "http://127.0.0.1:8080"],
  ];
  for (const [api, web] of hosts) test(`${api} belongs to ${web}`, () => assert.equal(webUrlOf(api), web));

  test("a wiki's URL is built from names, also where they hold .git", () => {
    assert.equal(
      wikiUrlOf("https://corp.github.example.com", "acme", "acme.github.io"),
      "https://corp.github.example.com/acme/acme.github.io.wiki.git",
    );
    assert.equal(
      cloneUrlOf("https://github.com", "acme", "acme.github.io"),
      "https://github.com/acme/acme.github.io.git",
    );
  });
});
