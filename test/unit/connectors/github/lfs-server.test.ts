import assert from "node:assert/strict";
import { test } from "node:test";
import { lfsServerAt } from "../../../../lib/connectors/github/lfs-server.ts";

const at = (url: string) => {
  const { host, cloneUrl } = lfsServerAt(url, "https://github.com/my-org/app.git");
  return [host, cloneUrl];
};

test("the LFS of a repository at the same GitHub is asked, however it is written", () => {
  for (const url of [
    "https://github.com/my-org/other.git/info/lfs",
    "https://github.com/my-org/other/info/lfs/",
    "https://github.com/my-org/other",
    "https://user:canary@github.com/my-org/other.git/info/lfs",
    "ssh://git@github.com/my-org/other.git",
    "git@github.com:my-org/other.git",
  ])
    assert.deepEqual(at(url), ["github.com", "https://github.com/my-org/other.git"], url);
});

test("any other place is named by its host, and not asked", () => {
  for (const [url, host] of [
    ["https://user:canary@lfs.example/my-org/app", "lfs.example"],
    ["https://github.com.example/my-org/app.git/info/lfs", "github.com.example"],
    ["https://github.com:8443/my-org/app.git/info/lfs", "github.com:8443"],
    ["https://github.com/settings", "github.com"],
    ["https://github.com/a/b/c/d", "github.com"],
    ["https://github.com/../..", "github.com"],
    ["git@lfs.example:my-org/app.git", "lfs.example"],
    ["file:///srv/lfs", "a place that is no server"],
    ["../lfs", "a place that is no server"],
  ] as const)
    assert.deepEqual(at(url), [host, undefined], url);
});
