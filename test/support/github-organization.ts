import { aRepository } from "./git-repository.ts";
import type { GithubServer, Json } from "./github-server.ts";

export const at = (minutes: number): string =>
  new Date(Date.UTC(2026, 0, 1) + minutes * 60_000).toISOString().replace(".000Z", "Z");

export interface RepositoryOptions {
  readonly id?: number;
  readonly owner?: string;
  readonly issues?: number;
  readonly commentsPerIssue?: number;
  readonly pulls?: number;
  /** Makes the bare repository as well. Its root is what the server was started with. */
  readonly root?: string;
  readonly bigFileBytes?: number;
  readonly object?: Json;
}

/** Puts a repository with all its lists into a server; what it does not have is an empty list. */
export async function addRepository(
  server: GithubServer,
  name: string,
  options: RepositoryOptions = {},
): Promise<string> {
  const {
    id = 1000 + server.objects.size,
    owner = "my-org",
    issues = 3,
    commentsPerIssue = 2,
    pulls = 1,
    root,
    bigFileBytes = 0,
  } = options;
  const path = `/repos/${owner}/${name}`;
  const object: Json = {
    id,
    node_id: `REPOSITORY_${id}`,
    name,
    full_name: `${owner}/${name}`,
    owner: { login: owner, id: 7, type: "Organization" },
    private: true,
    visibility: "private",
    archived: false,
    fork: false,
    size: 12,
    topics: [],
    has_issues: true,
    has_wiki: false,
    has_pages: false,
    ...options.object,
  };
  server.objects.set(path, object);
  const listed = server.lists.get(`/orgs/${owner}/repos`) ?? [];
  server.lists.set(`/orgs/${owner}/repos`, [...listed, object]);
  const list = (below: string, items: Json[], key?: string) => {
    server.lists.set(`${path}/${below}`, items);
    if (key !== undefined) server.keys.set(`${path}/${below}`, key);
  };
  const numbers = Array.from({ length: issues + pulls }, (_, n) => n + 1);
  const isPull = (number: number) => number > issues;
  list(
    "issues",
    numbers.map((number) => issueOf(server, path, id, number, isPull(number))),
  );
  list(
    "pulls",
    numbers.filter(isPull).map((number) => ({ ...issueOf(server, path, id, number, true), state: "open" })),
  );
  list(
    "issues/comments",
    numbers.flatMap((number) =>
      Array.from({ length: commentsPerIssue }, (_, n) => commentOf(server, path, id, number, n)),
    ),
  );
  list(
    "issues/events",
    numbers.toReversed().map((number) => ({ id: id * 1000 + number, event: "labeled", created_at: at(number) })),
  );
  list("pulls/comments", []);
  for (const number of numbers.filter(isPull))
    list(`pulls/${number}/reviews`, [{ id: id * 1000 + number, state: "APPROVED", body: "good" }]);
  list("labels", [{ id: id * 10, name: "bug", color: "ff0000" }]);
  for (const below of [
    "milestones",
    "branches",
    "rulesets",
    "collaborators",
    "teams",
    "keys",
    "autolinks",
    "hooks",
    "releases",
    "comments",
    "properties/values",
  ])
    list(below, []);
  for (const [below, key] of [
    ["actions/workflows", "workflows"],
    ["actions/variables", "variables"],
    ["actions/secrets", "secrets"],
    ["environments", "environments"],
  ] as const)
    list(below, [], key);
  server.objects.set(`${path}/actions/permissions`, { enabled: true, allowed_actions: "all" });
  server.objects.set(`${path}/actions/permissions/workflow`, { default_workflow_permissions: "read" });
  if (root !== undefined)
    await aRepository(await ownerFolder(root, owner), { name: `${name}.git`, commits: 3, bigFileBytes });
  return path;
}

async function ownerFolder(root: string, owner: string): Promise<string> {
  const { mkdir } = await import("node:fs/promises");
  const folder = `${root}/${owner}`;
  await mkdir(folder, { recursive: true });
  return folder;
}

function issueOf({ apiUrl }: GithubServer, path: string, id: number, number: number, isPull: boolean): Json {
  return {
    id: id * 1000 + number,
    number,
    title: `Issue ${number} — ünïcode`,
    body: "x".repeat(50),
    state: "open",
    created_at: at(number * 10),
    updated_at: at(number * 10),
    ...(isPull ? { pull_request: { url: `${apiUrl}${path}/pulls/${number}` } } : {}),
  };
}

function commentOf({ apiUrl }: GithubServer, path: string, id: number, number: number, n: number): Json {
  return {
    id: (id * 1000 + number) * 10 + n,
    body: `comment ${n} on ${number}`,
    issue_url: `${apiUrl}${path}/issues/${number}`,
    created_at: at(number * 10 + n),
    updated_at: at(number * 10 + n),
  };
}
