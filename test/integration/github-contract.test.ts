import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { github } from "../../lib/connectors/github/github.ts";
import { type ConnectorSubject, connectorContract } from "../contract/connector.ts";
import { aGitFolder, gitSync, showRef } from "../support/git-repository.ts";
import { addRepository } from "../support/github-organization.ts";
import { startGithub } from "../support/github-server.ts";

connectorContract("github", {
  kind: github,
  secret: "canary-token",
  make: anOrganization,
  sameBytes: false,
  silent: mute,
});

async function anOrganization(): Promise<ConnectorSubject> {
  const folder = await aGitFolder();
  const server = await startGithub(folder.path);
  const path = await addRepository(server, "app", { root: folder.path, bigFileBytes: 2_000_000 });
  const refs = showRef(join(folder.path, "my-org/app.git"));
  return {
    options: {
      organization: "my-org",
      api_url: server.apiUrl,
      web_url: server.webUrl,
      skip: ["all"],
      include: ["git", "labels", "issues", "issue_comments", "pull_reviews"],
    },
    async vanish() {
      server.objects.delete(path);
    },
    async assertRestored(_unit, item, into, paths) {
      if (item.name.endsWith(".bundle")) {
        assert.deepEqual(paths, ["repository.git"]);
        assert.equal(showRef(join(into, "repository.git")), refs);
        gitSync(join(into, "repository.git"), ["fsck", "--full", "--strict"]);
        return;
      }
      assert.deepEqual(paths, [item.name]);
      const text = await readFile(join(into, item.name), "utf8");
      const lists: { readonly [name: string]: number } = {
        "issues.jsonl": 4,
        "issue_comments.jsonl": 8,
        "labels.jsonl": 1,
      };
      const expected = lists[item.name];
      if (expected !== undefined)
        assert.equal(
          text
            .split("\n")
            .filter(Boolean)
            .map((line) => JSON.parse(line).id).length,
          expected,
        );
    },
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

/** Takes requests and answers none. */
async function mute(): Promise<AsyncDisposable & { readonly options: unknown }> {
  const server = await startGithub("/nonexistent");
  server.latencyMs = 2 ** 30;
  return {
    options: { organization: "my-org", api_url: server.apiUrl, token_env: "GITHUB_TOKEN" },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}
