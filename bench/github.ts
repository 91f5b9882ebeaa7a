import { lstat, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { addRepository } from "../test/support/github-organization.ts";
import type { GithubServer } from "../test/support/github-server.ts";
import { type BenchLine, benchLine } from "./line.ts";
import { GITHUB_BACKUP, measured, measuredRun, shown, type Taken } from "./measured.ts";
import { serveOrganization } from "./served-organization.ts";
import { tlsDoor } from "./tls-door.ts";

const REPOSITORIES = 50;
const ISSUES_EACH = 40;
const COMMENTS_EACH = 2;
/** Of the one file that each release has, and of the one large file in each history. */
const FILE_BYTES = 500_000;

/**
 * An organization's git, issues with their comments and events, labels, milestones, and releases with their files, over an API that takes 20 ms to answer,
 * against python-github-backup doing the same, incrementally. Then once more with nothing changed. Requests are those of the API: git makes none, and
 * has a benchmark of its own.
 */
export async function benchGithub(): Promise<readonly BenchLine[]> {
  const folder = await mkdtemp(path.join(tmpdir(), "core-backup-bench-"));
  try {
    console.error(`github: making ${REPOSITORIES} repositories with ${REPOSITORIES * ISSUES_EACH} issues`);
    const served = path.join(folder, "served");
    await mkdir(served);
    await using server = await serveOrganization(served);
    server.fault = (asked) => (asked.includes("/releases/assets/") ? { status: 200, body: ASSET } : undefined);
    await using door = await tlsDoor(folder, server.git.port);
    for (let n = 0; n < REPOSITORIES; n += 1) await addOne(server, n, { root: served, port: door.port });
    const config = path.join(folder, "bench.yml");
    await writeFile(config, configuration(server, path.join(folder, "store")));
    const store = path.join(folder, "store");
    const copy = path.join(folder, "rival");
    const ours = () => measuredRun(server, folder, config, store);
    const env = { SSL_CERT_FILE: door.caFile, GIT_SSL_CAINFO: door.caFile };
    const theirs = (...more: readonly string[]) =>
      measured(server, [GITHUB_BACKUP, ...rivalArguments(door.port, copy), ...more], { output: copy, env });
    // Once unmeasured: what is installed is compiled, and compiling is no part of a first run.
    await ours();
    await rm(store, { recursive: true });
    const rows = {
      // From the first run on: it writes down where the second goes on. Its third reads everything once more, as it does by default.
      theirs: [await theirs("--incremental"), await theirs("--incremental"), await theirs()],
      ours: [await ours(), await ours()],
    };
    await checkCopy(copy);
    for (const [name, runs] of Object.entries(rows)) console.error(`github: ${name}: ${runs.map(shown).join("; ")}`);
    return lines(rows.ours, rows.theirs);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function lines(
  [first, second]: readonly Taken[],
  [rival, rivalAgain, rivalWhole]: readonly Taken[],
): readonly BenchLine[] {
  if (
    first === undefined ||
    second === undefined ||
    rival === undefined ||
    rivalAgain === undefined ||
    rivalWhole === undefined
  )
    throw new Error("a run is missing");
  const asked = { unit: "requests" };
  const MB = 1e6;
  return [
    benchLine(
      "github: time of a first run to github-backup",
      { ours: first.seconds, theirs: rival.seconds, unit: "s" },
      { atMost: 0.25 },
    ),
    benchLine(
      "github: requests of a first run to github-backup",
      { ours: first.requests, theirs: rival.requests, ...asked },
      { atMost: 0.2 },
    ),
    benchLine(
      "github: requests of an unchanged run to github-backup --incremental",
      { ours: second.requests, theirs: rivalAgain.requests, ...asked },
      { atMost: 0.05 },
    ),
    benchLine(
      "github: requests that count, of an unchanged run to github-backup --incremental",
      { ours: second.paid, theirs: rivalAgain.paid, ...asked },
      { atMost: 0.05 },
    ),
    benchLine(
      "github: requests of an unchanged run to github-backup, which reads all again by default",
      { ours: second.requests, theirs: rivalWhole.requests, ...asked },
      { atMost: 0.05 },
    ),
    benchLine(
      "github: cpu of a first run to github-backup",
      { ours: first.cpuSeconds, theirs: rival.cpuSeconds, unit: "s" },
      { atMost: 1 },
    ),
    benchLine(
      "github: cpu of an unchanged run to github-backup --incremental",
      { ours: second.cpuSeconds, theirs: rivalAgain.cpuSeconds, unit: "s" },
      { atMost: 1 },
    ),
    benchLine(
      "github: disk after a first run to github-backup",
      { ours: first.diskBytes / MB, theirs: rival.diskBytes / MB, unit: "MB" },
      { atMost: 1 },
    ),
  ];
}

/** As the server sends it. */
const ASSET = "x".repeat(FILE_BYTES);
const ASSET_BYTES = JSON.stringify(ASSET).length;

/** The rival ends with exit code 0 also where git failed or a file did not come. */
async function checkCopy(copy: string): Promise<void> {
  for (let n = 0; n < REPOSITORIES; n += 1) {
    const place = path.join(copy, "repositories", nameOf(n));
    const { size } = await lstat(path.join(place, "releases/v1/app.zip"));
    if (size !== ASSET_BYTES) throw new Error(`github-backup has a file of ${size} bytes in ${place}`);
    await lstat(path.join(place, "repository/packed-refs"));
  }
}

const nameOf = (n: number): string => `repository-${n}`;

async function addOne(
  server: GithubServer,
  n: number,
  { root, port }: { readonly root: string; readonly port: number },
): Promise<void> {
  const at = await addRepository(server, nameOf(n), {
    root,
    bigFileBytes: FILE_BYTES,
    id: 1_000 + n,
    issues: ISSUES_EACH,
    commentsPerIssue: COMMENTS_EACH,
    pulls: 0,
  });
  const made = "2026-01-01T00:00:00Z";
  const asset = {
    id: n + 1,
    name: "app.zip",
    size: ASSET_BYTES,
    state: "uploaded",
    updated_at: made,
    url: `https://localhost:${port}${new URL(server.apiUrl).pathname}${at}/releases/assets/${n + 1}`,
  };
  server.lists.set(`${at}/releases`, [{ id: n, tag_name: "v1", body: "notes", assets: [asset], created_at: made }]);
  const comments = server.lists.get(`${at}/issues/comments`) ?? [];
  // The rival asks issue by issue.
  for (const { number } of server.lists.get(`${at}/issues`) ?? []) {
    server.lists.set(
      `${at}/issues/${number}/comments`,
      comments.filter(({ issue_url: url }) => String(url).endsWith(`/issues/${number}`)),
    );
    server.lists.set(`${at}/issues/${number}/events`, [{ id: Number(number), event: "labeled" }]);
  }
}

function configuration({ apiUrl, webUrl }: GithubServer, store: string): string {
  return `jobs:
  - name: bench
    service: github
    concurrency: 8
    options:
      organization: my-org
      api_url: ${apiUrl}
      web_url: ${webUrl}
      token_env: BENCH_TOKEN
      skip: [all]
      include: [git, issues, issue_comments, issue_events, labels, milestones, releases, assets]
storage:
  local: { type: filesystem, base_path: ${store} }
`;
}

function rivalArguments(port: number, output: string): string[] {
  const git = ["--repositories", "--bare"];
  const what = ["--issues", "--issue-comments", "--issue-events", "--labels", "--milestones", "--releases", "--assets"];
  return [
    "my-org",
    "--organization",
    "--token",
    "bench",
    "--github-host",
    `localhost:${port}`,
    "--output-directory",
    output,
    "--private",
    ...git,
    ...what,
  ];
}
